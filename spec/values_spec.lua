-- SPDX-License-Identifier: MIT
-- What travels: the arguments of `new` on their way into a child, and the
-- results of a child on their way out through `join`.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"
local values = require "spec.support.values"

local echo = outcome.echo

-- Runs `code` in a child with the arguments; returns all that `join` returns.
local function run(code, ...)
  return llthreads.new(code, ...):start():join()
end

describe("a value", function()
  it("that is nil, a boolean or a string arrives as it was", function()
    for _, value in ipairs { true, false, "", "text", "a\0b\0", "\255\254" } do
      assert.are.equal(value, (echo(value)))
    end
    assert.are.equal(1, select("#", echo(nil)))
    assert.is_nil((echo(nil)))
  end)

  it("keeps its place between nils, also at the end", function()
    local results = lua.pack(
      run("return select('#', ...), ...", nil, 1, nil, nil))
    assert.are.same({ true, 4, nil, 1, nil, nil, n = 6 }, results)
  end)

  -- What a number is: of that kind here, in the child, and back here.
  local function stays(kind, value)
    local back, found, same = select(2, run([[
      local value, original = ...
      return value, (math.type or type)(value),
        ("%.17g"):format(value) == original]], value, ("%.17g"):format(value)))
    assert.are.equal(value, back)
    assert.is_true(same)
    assert.are.equal(kind, found)
    assert.are.equal(kind, (math.type or type)(back))
  end

  if lua.has_integers then
    it("that is an integer stays one, to the limits", function()
      for _, value in ipairs { 0, 1, -1, math.maxinteger, math.mininteger } do
        stays("integer", value)
      end
    end)
  end

  it("that is a float stays one, also when it is a whole number", function()
    for _, value in ipairs { 0.0, 1.0, 0.1, -2.0 ^ 53, 2.0 ^ 63, 5e-324,
      math.pi, math.huge, -math.huge } do
      stays(lua.has_integers and "float" or "number", value)
    end
  end)

  it("that is a number is the same on both sides of every limit", function()
    for _, power in ipairs { 7, 8, 15, 16, 31, 32, 52, 53, 62, 63, 64, 1023 } do
      for _, sign in ipairs { 1, -1 } do
        for _, more in ipairs { -1, -0.5, 0, 0.5, 1 } do
          local value = sign * 2.0 ^ power + more
          stays(lua.has_integers and "float" or "number", value)
          assert.are.equal("here", echo({ [value] = "here" })[value])
        end
      end
    end
  end)

  it("that is minus zero or not a number survives", function()
    -- Constants may lose the sign in 5.1.
    local zero, nan, list = echo(-1 / math.huge, 0 / 0, { -1 / math.huge })
    assert.are.equal(-math.huge, 1 / zero)
    assert.are.equal(-math.huge, 1 / list[1])
    assert.are_not.equal(nan, nan)
  end)

  it("that is a light userdata keeps its address", function()
    local pointer = lua.pointer()
    assert.are.equal("userdata", type(pointer))
    assert.are.equal(pointer, (echo(pointer)))
    assert.are.equal(pointer, echo({ [pointer] = pointer })[pointer])
  end)

  it("that is a C function is the same function on the other side", function()
    local _, same, text, back = run([[
      local upper = ...
      return upper == string.upper, upper("text"), upper]], string.upper)
    assert.are.equal("TEXT", text)
    assert.are.equal("TEXT", back("text"))
    -- In 5.1 none is equal to any other.
    if lua.version >= 5.2 or lua.jit then
      assert.is_true(same)
      assert.are.equal(string.upper, back)
    end
  end)

  it("of 64 MB arrives whole, in both directions", function()
    local big = ("x\0yz"):rep(16 * 1024 * 1024)
    assert.is_true(echo(big) == big)
  end)

  it(("may come with %d others, in both directions"):format(lua.MANY),
    function()
      assert.is_true(values.are_many(echo(lua.unpack(values.many()))))
    end)
end)

describe("a number", function()
  -- Constants may lose the sign of zero in 5.1.
  local NUMBERS = { 0, -1 / math.huge, 1, -1, 0.1, 127, 128, 255, 256, 2 ^ 31,
    2 ^ 31 - 1, -2 ^ 31, -2 ^ 31 - 1, 2 ^ 32, 2 ^ 53, -2 ^ 53, 2 ^ 53 + 2,
    2 ^ 63, -2 ^ 63, 2 ^ 64, 1e300, -1e300, 5e-324, math.huge, -math.huge }

  it("arrives as the same value, with its sign", function()
    local back = { echo(lua.unpack(NUMBERS)) }
    for i, number in ipairs(NUMBERS) do
      assert.are.equal(number, back[i])
      assert.are.equal(1 / number, 1 / back[i])
    end
    local nan = echo(0 / 0)
    assert.are_not.equal(nan, nan)
  end)

  it("arrives as the same key", function()
    local sent, count = {}, 0
    for i, number in ipairs(NUMBERS) do sent[number] = i end
    local back, all_there = outcome.results([[
      local keys, numbers = ...
      for i, number in ipairs(numbers) do
        if number ~= 0 and keys[number] ~= i then return keys, number end
      end
      return keys, true]], sent, NUMBERS)
    assert.is_true(all_there)
    for key, value in pairs(back) do
      assert.are.equal(sent[key], value)
      count = count + 1
    end
    -- One zero is as good as the other.
    assert.are.equal(#NUMBERS - 1, count)
    assert.are.equal(2, back[0])
  end)

  it("may be the value of each of these keys", function()
    local sent = { list = NUMBERS }
    for i, number in ipairs(NUMBERS) do sent[i * 1000] = number end
    assert.are.same(sent, (echo(sent)))
  end)
end)

-- Long strings are copied straight from one state to the other.
describe("a long string", function()
  local function long(letter) return letter:rep(100000) .. letter:upper() end

  it("arrives whole beside others, in both directions", function()
    local nested = { long "c", { long "d" } }
    local a, b, t, again = echo(long "a", long "b", nested, long "a")
    assert.is_true(a == long "a" and b == long "b" and again == long "a")
    assert.is_true(t[1] == long "c" and t[2][1] == long "d")
  end)

  it("is kept for its thread although nobody else has it", function()
    local threads = {}
    for i = 1, 20 do
      threads[i] = llthreads.new("return #(...), ...", ("x"):rep(70000 + i))
    end
    collectgarbage()
    collectgarbage()
    for i = 1, 20 do
      assert.are.equal(70000 + i, #("y"):rep(70000 + i))
      local _, length, text = assert(threads[i]:start():join())
      assert.are.equal(70000 + i, length)
      assert.is_true(text == ("x"):rep(70000 + i))
    end
  end)

  it("reaches a detached thread whose object is gone", function()
    for _, joinable in ipairs { false, true } do
      local channel = require "llthreads2.channel"
      local answers = channel.new()
      for i = 1, 20 do
        llthreads.new([[
          local answers, text = ...
          answers:send(text == ("z"):rep(#text) and #text)
        ]], answers, ("z"):rep(80000 + i)):start(true, joinable)
        collectgarbage()
        local _ = ("-"):rep(80000 + i)
      end
      local sum = 0
      for _ = 1, 20 do sum = sum + select(2, answers:receive()) end
      assert.are.equal(20 * 80000 + 210, sum)
    end
  end)

  it("may be the code, and the results of who is never joined", function()
    local code = "return #'" .. long "e" .. "'"
    assert.are.equal(100001, select(2, assert(run(code))))
    local thread = llthreads.new("return ...", long "f"):start()
    sync.eventually(function() return not thread:alive() end)
    thread = nil -- luacheck: ignore
    collectgarbage()
  end)
end)

describe("a table", function()
  it("arrives with its keys and values of every kind", function()
    local sent = { 1, "two", { 3 }, [-1] = 1, [1.5] = 2, [true] = 3,
      ["two words"] = { name = "x", empty = {} }, [2 ^ 53] = false }
    assert.are.same(sent, (echo(sent)))
  end)

  it("is a copy that shares nothing with the original", function()
    local sent = { inner = {} }
    local back = echo(sent)
    assert.are_not.equal(sent, back)
    assert.are_not.equal(sent.inner, back.inner)
  end)

  it("may contain itself", function()
    local sent = { name = "loop" }
    sent.self, sent[1], sent[sent] = sent, { up = sent }, "key"
    local back = echo(sent)
    assert.are.equal(back, back.self)
    assert.are.equal(back, back[1].up)
    assert.are.equal("key", back[back])
  end)

  it("that is shared by arguments is shared in the child and back", function()
    local shared = {}
    local _, same, one, two, three = run([[
      local one, two, three = ...
      return one == two and three.deep[1] == one, ...]],
      shared, shared, { deep = { shared } })
    assert.is_true(same)
    assert.are.equal(one, two)
    assert.are.equal(one, three.deep[1])
  end)

  it("keeps its identity as a key", function()
    local key = { "key" }
    local back, back_key = echo({ [key] = key, other = { [key] = 1 } }, key)
    assert.are.equal(back_key, back[back_key])
    assert.are.equal(1, back.other[back_key])
  end)

  it("travels raw: metatables and their methods are not seen", function()
    local trap = function() error("a metamethod was called") end
    local sent = setmetatable({ 1, 2, x = "y" }, { __index = trap,
      __pairs = trap, __len = trap, __newindex = trap, __tostring = trap,
      __name = trap, __metatable = "locked" })
    local back = echo(sent)
    assert.is_nil(getmetatable(back))
    assert.are.equal(2, #back)
    assert.are.equal("y", back.x)
    assert.is_nil(rawget(back, 3))
  end)

  it("keeps the length operator's answer although it has holes", function()
    for _, sent in ipairs { { 1, 2, nil, 4 }, { nil, nil, 3 }, { 1, nil },
      lua.pack(1, nil, 3), {}, { nil, nil, nil } } do
      assert.are.equal(#sent, #echo(sent))
    end
  end)

  it("keeps that length for any short list that has been written out",
    function()
      local seed = sync.seed()
      for _ = 1, proc.scaled(300) do
        local items, density = {}, math.random()
        for i = 1, math.random(60) do
          items[i] = math.random() < density and "1" or "nil"
        end
        local list = "{ " .. table.concat(items, ", ") .. " }"
        local sent = lua.load("return " .. list)()
        local back = echo(sent)
        assert.are.equal(#sent, #back, ("seed %d: %s"):format(seed, list))
        assert.are.same(sent, back)
      end
    end)

  it("of 200,000 entries arrives complete", function()
    local sent = {}
    for i = 1, 100000 do sent[i], sent["key" .. i] = i, -i end
    local back = echo(sent)
    assert.are.equal(100000, #back)
    for i = 1, 100000 do
      if back[i] ~= i or back["key" .. i] ~= -i then
        assert.are.same({ i, -i }, { back[i], back["key" .. i] })
      end
    end
  end)
end)

describe("a C function with upvalues", function()
  if lua.reaches_c_upvalues then
    it("takes them along when they can travel", function()
      local back = echo(values.closure("text"))
      assert.are.same({ "text", 2, 3 }, values.upvalues(back))
      assert.is_nil((debug.getupvalue(back, 4)))
    end)

    it("shares tables with the rest of the message", function()
      local shared = {}
      shared.call = values.closure(shared)
      local back = echo(shared)
      assert.are.equal(back, select(2, debug.getupvalue(back.call, 1)))
    end)
  end
end)

describe("new", function()
  it("takes its arguments as they are now, not at the start", function()
    local argument = { "now", { 1 } }
    local thread = llthreads.new("return ...", argument)
    argument[1], argument[2][1] = "later", 2
    assert.are.same({ "now", { 1 } }, select(2, thread:start():join()))
  end)
end)
