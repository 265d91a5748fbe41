-- SPDX-License-Identifier: MIT
-- What a message may hold: how values travel through a channel, how those
-- that cannot are refused.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local values = require "spec.support.values"

local pack = lua.pack

describe("a message", function()
  -- Every way to put in, and every way to take out.
  local WAYS_IN = {
    send = function(ch, ...) return ch:send(...) end,
    try_send = function(ch, ...) return ch:try_send(...) end,
    timed_send = function(ch, ...) return ch:timed_send(0, ...) end,
  }
  local WAYS_OUT = {
    receive = function(ch) return ch:receive() end,
    timed = function(ch) return ch:receive(0) end,
    select = function(ch) return select(2, channel.select { ch }) end,
    peek = function(ch)
      local peeked = pack(ch:peek())
      assert.are.equal(1, ch:clear())
      return lua.unpack(peeked, 1, peeked.n)
    end,
  }

  local function travels(capacity, ...)
    for _, put in pairs(WAYS_IN) do
      for way, take in pairs(WAYS_OUT) do
        local ch = channel.new(capacity)
        assert.are.same(pack(true), pack(put(ch, ...)))
        assert.are.same(pack(true, ...), pack(take(ch)), way)
        assert.are.equal(0, ch:count())
      end
    end
  end

  it("comes out as it went in, value by value", function()
    travels(nil, "text", 7, true)
    travels(1, 0.5, false, "")
  end)

  it("may hold nils, also at its end, and nothing but nils", function()
    for _, capacity in ipairs { 1, false } do
      travels(capacity or nil, nil, 1, nil, nil)
      travels(capacity or nil, nil)
      travels(capacity or nil, nil, nil, nil)
    end
  end)

  it("may be empty", function()
    travels(nil)
    travels(1)
  end)

  it("waits in line behind those that were sent before", function()
    local ch = channel.new()
    for i = 1, 1000 do ch:send(i, -i) end
    for i = 1, 1000 do
      assert.are.same(pack(true, i, -i), pack(ch:receive(0)))
    end
    assert.are.same(pack(nil, "timeout"), pack(ch:receive(0)))
  end)
end)

-- Sends the values and receives them, in this state.
local function pass(...)
  local ch = channel.new()
  assert(ch:send(...))
  return select(2, assert(ch:receive(0)))
end

-- Sends the values to a thread that sends them back.
local function echo(...)
  local there, back = channel.new(), channel.new()
  local thread = channels.start([[
    local there, back = ...
    local function answer(_, ...) return back:send(...) end
    return answer(there:receive())]], there, back)
  assert(there:send(...))
  assert(channels.results(thread)[1])
  return select(2, assert(back:receive(0)))
end

describe("a value in a message", function()
  it("that is a number keeps its kind and all its bits", function()
    local kind = math.type or type
    for _, value in ipairs { 0, -1, 127, 128, 2147483648, 0.0, 1.0, 0.1,
      2.0 ^ 53, 2.0 ^ 63, 5e-324, math.huge, -math.huge,
      math.maxinteger or 2 ^ 53 - 1, math.mininteger or -2 ^ 53 } do
      for _, way in ipairs { pass, echo } do
        local back = way(value)
        assert.are.equal(value, back)
        assert.are.equal(kind(value), kind(back))
      end
    end
    -- Written as -0.0, it would be the same constant as 0 in 5.1.
    local zero, nan = echo(-1 / math.huge, 0 / 0)
    assert.are.equal(-math.huge, 1 / zero)
    assert.are_not.equal(nan, nan)
  end)

  it("that is a string keeps all its bytes, also 16 MB of them", function()
    for _, value in ipairs { "", "text", "a\0b\0", "\255\254",
      ("x"):rep(255), ("x"):rep(256), ("x\0yz"):rep(4 * 1024 * 1024) } do
      assert.is_true(pass(value) == value)
      assert.is_true(echo(value) == value)
    end
  end)

  it("that is a light userdata or a C function stays the same", function()
    local pointer = lua.pointer()
    local back_pointer, back_upper = echo(pointer, string.upper)
    assert.are.equal(pointer, back_pointer)
    assert.are.equal("TEXT", back_upper("text"))
    -- In 5.1 no C function that is pushed equals another one.
    if lua.version >= 5.2 or lua.jit then
      assert.are.equal(string.upper, back_upper)
    end
  end)

  if lua.reaches_c_upvalues then
    it("that is a C function with upvalues takes them along", function()
      local shared = { "shared" }
      local back, back_shared = echo(values.closure(shared), shared)
      local upvalues = values.upvalues(back)
      assert.are.same({ { "shared" }, 2, 3 }, upvalues)
      assert.are.equal(back_shared, upvalues[1])
    end)
  else
    it("that is a C function with upvalues takes them along", function()
      local iterator = ("a b c"):gmatch("%a")
      assert.are.equal("a", iterator())
      for _, way in ipairs { pass, echo } do
        local back = way(iterator)
        assert.are.same({ "b", "c", nil }, { back(), back(), back() })
      end
    end)
  end

  it(("may come with %d others"):format(lua.MANY), function()
    assert.is_true(values.are_many(echo(lua.unpack(values.many()))))
  end)
end)

describe("a table in a message", function()
  it("is a copy of the raw content", function()
    local trap = function() error("a metamethod was called") end
    local sent = setmetatable({ 1, "two", { 3 }, [-1] = 1, [1.5] = 2,
      [true] = 3, ["two words"] = { name = "x" } }, { __index = trap,
      __pairs = trap, __len = trap, __name = trap, __metatable = "locked" })
    for _, way in ipairs { pass, echo } do
      local back = way(sent)
      assert.is_nil(getmetatable(back))
      assert.are.same({ 1, "two", { 3 }, [-1] = 1, [1.5] = 2, [true] = 3,
        ["two words"] = { name = "x" } }, back)
      assert.are_not.equal(rawget(sent, 3), back[3])
    end
  end)

  it("is taken as it is when it is sent", function()
    local ch, sent = channel.new(), { "then", { 1 } }
    ch:send(sent)
    sent[1], sent[2][1] = "later", 2
    assert.are.same({ true, { "then", { 1 } } }, { ch:receive(0) })
  end)

  it("is shared by all values of its message that share it", function()
    local shared = { "shared" }
    for _, way in ipairs { pass, echo } do
      local one, two, three, key = way(shared, { deep = { shared } },
        { [shared] = "by key" }, shared)
      assert.are.equal(one, two.deep[1])
      assert.are.equal(one, key)
      assert.are.equal("by key", three[one])
    end
  end)

  it("may contain itself, also through other values", function()
    local one, two = {}, {}
    one.self, one.other, two.other, two[two] = one, two, one, "key"
    for _, way in ipairs { pass, echo } do
      local back_one, back_two = way(one, two)
      assert.are.equal(back_one, back_one.self)
      assert.are.equal(back_two, back_one.other)
      assert.are.equal(back_one, back_two.other)
      assert.are.equal("key", back_two[back_two])
    end
  end)

  it("is another one in each message, and in each peek", function()
    local ch, sent = channel.new(), { 1 }
    for _ = 1, 2 do ch:send(sent) end
    local _, first_peek = ch:peek()
    local _, second_peek = ch:peek()
    first_peek[1] = "changed"
    assert.are.same({ 1 }, second_peek)
    local _, first = ch:receive(0)
    local _, second = ch:receive(0)
    assert.are.same({ { 1 }, { 1 } }, { first, second })
    assert.are_not.equal(first, second)
  end)
end)

local function lua_function() end

local nested = values.nested

describe("a value that cannot be sent", function()
  -- The argument number is that of the value in a call of `send`.
  local PLACES = {
    { 1, "(Lua function cannot be sent)", lua_function },
    { 3, "(Lua function cannot be sent)", 1, nil, lua_function },
    { 1, "(coroutine cannot be sent)", coroutine.create(lua_function) },
    { 2, "(userdata cannot be sent)", nil, io.stdout, nil },
    { 2, "(at .jobs[3].callback: Lua function cannot be sent)", 0,
      { jobs = { 1, 2, { callback = lua_function } } } },
    { 1, "(at [1.5]: userdata cannot be sent)", { [1.5] = io.stdout } },
    { 1, "(at [true]: userdata cannot be sent)", { [true] = io.stdout } },
    { 2, "(at [\"two words\"]._x9: Lua function cannot be sent)", "x",
      { ["two words"] = { _x9 = lua_function } } },
    { 1, "(at .jobs: a key: Lua function cannot be sent)",
      { jobs = { [lua_function] = 1 } } },
    { 1, "(at .f<upvalue 1>: userdata cannot be sent)",
      { f = io.stdin:lines() } },
    lua.reaches_c_upvalues and { 1,
      "(at .f<upvalue 3>: userdata cannot be sent)",
      { f = values.closure(io.stdout, 3) } } or nil,
  }
  local CALLS = {
    { "send", 0, function(ch, ...) local _ = ch:send(...) end },
    { "try_send", 0, function(ch, ...) local _ = ch:try_send(...) end },
    { "timed_send", 1, function(ch, ...) local _ = ch:timed_send(9, ...) end },
  }

  -- Tries all calls, and sees that nothing is queued and no room is lost.
  local function tried(check)
    for _, call in ipairs(CALLS) do
      local ch = channel.new(2)
      assert(ch:send("first"))
      check(ch, lua.unpack(call))
      assert.are.equal(1, ch:count(), call[1])
      assert.is_true(ch:try_send("second"))
      assert.are.same(pack(nil, "full"), pack(ch:try_send("third")))
      assert.are.same({ true, "first" }, { ch:receive(0) })
      assert.are.same({ true, "second" }, { ch:receive(0) })
    end
  end

  it("is refused with its number and place, and nothing is queued", function()
    for _, row in ipairs(PLACES) do
      tried(function(ch, name, extra, call)
        assert.are.equal(
          ("bad argument #%d to '%s' %s"):format(row[1] + extra, name, row[2]),
          outcome.problem(function()
            call(ch, lua.unpack(row, 3, 5))
          end))
      end)
    end
  end)

  it("may be one that is nested too deeply", function()
    assert.are.same(nested(100), (pass(nested(100))))
    tried(function(ch, _, _, call)
      local problem = outcome.problem(function() call(ch, 1, nested(101)) end)
      assert.is_truthy(
        problem:find("Hit maximum copy depth (101 > 100).", 1, true), problem)
    end)
  end)

  it("is refused in the thread that sends, and the channel lives on",
    function()
      local ch = channel.new()
      local thread = channels.start([[
        local ch = ...
        local ok, problem = pcall(function() local _ = ch:send(1, print, {
          again = function() end }) end)
        ch:send("fine")
        return ok, problem]], ch)
      local results = channels.results(thread)
      assert.is_false(results[1])
      assert.is_truthy(results[2]:find("bad argument #3 to 'send' "
        .. "(at .again: Lua function cannot be sent)", 1, true), results[2])
      assert.are.same({ 1, true, "fine" }, { ch:count(), ch:receive(0) })
    end)
end)
