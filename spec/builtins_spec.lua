-- SPDX-License-Identifier: MIT
-- Lua's own functions on their way to another state: those of its libraries,
-- and the iterators that they make.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"

local results = outcome.results

-- A function in the libraries here, by its name there.
local function named(name)
  return assert(lua.load("return " .. name))()
end

describe("a function of Lua's libraries", function()
  -- A name, and an expression with the function `f` that must give true.
  local USES = {
    { "assert", "f(1) == 1" },
    { "coroutine.wrap", "f(function() return 7 end)() == 7" },
    { "debug.traceback", "f('text'):find('^text\\n') ~= nil" },
    { "dofile", "pcall(f, '/no/such/file') == false" },
    { "error", "pcall(f) == false" },
    { "getmetatable", "f('').__index == string" },
    { "io.close", "f(io.tmpfile()) == true" },
    { "io.lines", "type(f('/proc/self/stat')()) == 'string'" },
    { "io.open", "f('/proc/self/stat'):close()" },
    { "io.popen", "f('echo word'):read('*a') == 'word\\n'" },
    { "io.type", "f(io.stdout) == 'file'" },
    { "io.write", "f('') and true" },
    { "ipairs", "select(2, f{}) ~= nil" },
    { "math.deg", "f(math.pi) == 180" },
    { "math.floor", "f(1.5) == 1" },
    { "next", "select(2, f { 5 }) == 5" },
    { "os.time", "f() > 0" },
    { "pairs", "select(2, (f {})({ 5 })) == 5" },
    { "pcall", "f(error) == false" },
    { "rawget", "f({ 7 }, 1) == 7" },
    { "select", "f('#', 1, 2) == 2" },
    { "string.byte", "f('A') == 65" },
    { "string.find", "f('abc', 'c') == 3" },
    { "string.format", "f('%d', 5) == '5'" },
    { "string.gmatch", "f('ab', '.')() == 'a'" },
    { "string.rep", "f('a', 3) == 'aaa'" },
    { "table.concat", "f { 1, 2 } == '12'" },
    { "table.insert", "select('#', f({}, 1)) == 0" },
    { "table.sort", "select('#', f {}) == 0" },
    { "tonumber", "f('7') == 7" },
    { "tostring", "f(true) == 'true'" },
    { "type", "f(f) == 'function'" },
    { "xpcall", "f(error, function() end) == false" },
  }

  it("works in a child, and when it comes back", function()
    for _, use in ipairs(USES) do
      local name, expression = lua.unpack(use)
      local code = "local f = ... return f, " .. expression
      local back, there = results(code, named(name))
      assert.is_true(there, name)
      assert.is_true(select(2, lua.load(code)(back)), name)
    end
  end)

  -- Those that are more than an address travel by name: in 5.1 they keep
  -- something in their environment, in LuaJIT some are not written in C, and
  -- since 5.2 `require` has all that has been loaded for an upvalue.
  local BOUND = { "require" }
  if lua.has_environments then
    BOUND = { "io.write", "io.lines", "io.open", "io.close", "require",
      "module" }
  end
  if lua.jit then
    for _, name in ipairs { "math.deg", "string.len", "table.remove", "pcall",
      "next", "ipairs", "tostring", "coroutine.yield", "bit.band" } do
      BOUND[#BOUND + 1] = name
    end
  end

  for _, name in ipairs(BOUND) do
    it(name .. " arrives as the receiver's own", function()
      local back, same, nested = results(([[
        local f, list = ...
        return f, f == %s, list[1].f == f]]):format(name), named(name),
        { { f = named(name) } })
      assert.is_true(same)
      assert.is_true(nested)
      assert.are.equal(named(name), back)
    end)
  end

  if lua.has_environments then
    -- What a child that has done something to its libraries gets when it
    -- receives io.write.
    local function received(code)
      local channel = require "llthreads2.channel".new()
      channel:send { io.write }
      return results(([[
        local channel = ...
        local pcall = pcall
        %s
        return pcall(channel.receive, channel)]]):format(code), channel)
    end

    it("is missed by a receiver that has lost it", function()
      local MISSED =
        "the built-in function 'io.write' is not there in this state"
      for _, code in ipairs { "io.write = nil", "io.write = function() end",
        "io.write = 'text'", "package.loaded.io = nil",
        "package.loaded.io = function() end", "package.loaded.io = 5",
        "for name in pairs(package.loaded) do package.loaded[name] = nil end",
        "io.write = require('llthreads2').new" } do
        local ok, message = received(code)
        assert.is_false(ok, code)
        assert.are.equal(MISSED, message, code)
      end
    end)

    it("is found where the receiver has replaced all others", function()
      local ok, _, list = received [[
        for name in pairs(_G) do
          if name ~= "io" and name ~= "_G" then _G[name] = nil end
        end]]
      assert.is_true(ok)
      assert.are.equal(io.write, list[1])
    end)

    it("is missed in results until it is back", function()
      -- luacheck: globals io.write
      local thread = llthreads.new("return 'first', io.write"):start()
      local write = io.write
      io.write = nil
      local message = outcome.raised(thread.join, thread)
      io.write = write
      assert.are.equal(
        "the built-in function 'io.write' is not there in this state", message)
      assert.are.same({ true, "first", write }, { thread:join() })
    end)

    it("is sent from code whose globals are others", function()
      local code = [[
        local io, string, coroutine, new = io, string, coroutine, ...
        local function send()
          setfenv(0, {})
          local ok, same, text = new([=[
            local write, upper = ...
            return write == io.write, upper("x")]=], io.write, string.upper)
            :start():join()
          return ok and same, text
        end
        return coroutine.wrap(send)()]]
      assert.are.same({ true, "X" }, { results(code, llthreads.new) })
    end)

    it("is sent when it has been given an environment", function()
      local same = results [[
        local new = require "llthreads2".new
        debug.setfenv(string.upper, {})
        return select(2, new("return ... == string.upper", string.upper)
          :start():join())]]
      assert.is_true(same)
    end)

    -- It arrives with the environment of the function that receives it.
    it("can be sent on by who has received it", function()
      local channel = require "llthreads2.channel".new()
      for _, f in ipairs { io.write, string.format, print, llthreads.new,
        ("x"):gmatch("x") } do
        for _ = 1, 3 do
          assert.is_true(channel:send(f))
          local ok, arrived = channel:receive()
          assert.is_true(ok)
          assert.are.equal("function", type(arrived))
          f = arrived
        end
      end
    end)

    it("of a module is refused when it has been given one", function()
      local message = results [[
        local new = require "llthreads2".new
        local gettime = require "socket".gettime
        debug.setfenv(gettime, {})
        return select(2, pcall(function()
          local _ = new("", gettime)
        end))]]
      assert.is_truthy(message:find("bad argument #2 to 'new' "
        .. "(C function that is bound to its state cannot be sent)", 1, true))
    end)
  end
end)

describe("an iterator", function()
  -- What is refused.
  local BOUND = "C function that is bound to its state"
  local UPVALUE = "at <upvalue %d>: %s"

  -- Sends it, as an argument and as a result. Returns what it gives in a
  -- child, or what its refusal says.
  local function tried(expression, use)
    local make = "return (" .. expression .. ")"
    local ok, thread = pcall(llthreads.new, "local f = ... " .. use,
      lua.load(make)())
    local back = results(make)
    if not ok then
      assert.are.equal("string", type(back))
      assert.is_truthy(back:find("^Un%-supported value: function: 0x%x+$"))
      return (thread:match("bad argument #2 to 'new' %((.+) cannot be sent%)$"))
    end
    local _, there = assert(thread:start():join())
    assert.are.equal(there, lua.load("local f = ... " .. use)(back))
    return there
  end

  it("of pairs gives its values in a child", function()
    assert.are.equal("a", tried("(pairs {})",
      "local key = f { a = 1 } return key"))
  end)

  it("of ipairs gives its values in a child, or is refused", function()
    assert.are.equal(lua.jit and BOUND or "b",
      tried("(ipairs {})", "return (select(2, f({ 'a', 'b' }, 1)))"))
  end)

  it("of string.gmatch goes on in a child, or is refused", function()
    assert.are.equal(
      lua.version >= 5.3 and UPVALUE:format(3, "userdata") or "one two",
      tried("('one two'):gmatch('%a+')", "return f() .. ' ' .. f()"))
  end)

  if lua.version < 5.3 then
    it("of string.gmatch goes on where it was", function()
      local iterator = ("one two three"):gmatch("%a+")
      assert.are.equal("one", iterator())
      assert.are.same({ "two", "three", nil }, { results([[
        local f = ...
        return f(), f(), f()]], iterator) })
      assert.are.equal("two", iterator())
    end)
  end

  it("of io.lines is refused", function()
    assert.are.equal(
      lua.has_environments and BOUND or UPVALUE:format(1, "userdata"),
      tried("io.lines('/proc/self/stat')", "return f()"))
  end)

  it("of coroutine.wrap is refused", function()
    assert.are.equal(lua.jit and BOUND or UPVALUE:format(1, "coroutine"),
      tried("coroutine.wrap(function() end)", "return f()"))
  end)
end)
