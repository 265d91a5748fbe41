-- SPDX-License-Identifier: MIT
-- What is not the same in every Lua: environments, bytecode, coroutines. See
-- builtins_spec.lua for Lua's own functions, and luajit_spec.lua.

local ex = require "llthreads2.ex"
local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local results, results_of_ex = outcome.results, outcome.results_of_ex

if lua.has_environments then
  describe("a function with an environment", function()
    local function with(environment, f) return lua.setfenv(f, environment) end

    it("has the globals in a child", function()
      assert.are.same({ true, true, "nil" }, { results_of_ex(with({ x = 1 },
        function()
          -- luacheck: globals x
          local function inner() return getfenv(1) == _G end
          return getfenv(1) == _G, inner(), type(x)
        end)) })
    end)

    it("may have one again there", function()
      assert.are.same({ 5, true }, { results_of_ex(function()
        local inner = setfenv(function() return x end, { x = 5 }) -- luacheck: ignore
        return inner(), x == nil -- luacheck: ignore
      end) })
    end)

    it("has that of the thread where lua_init has replaced it", function()
      assert.are.same({ "mine", "mine" }, { results_of_ex {
        with({}, function() return name, getfenv(0).name end), -- luacheck: ignore
        lua_init = [[
          local mine = setmetatable({ name = "mine" }, { __index = _G })
          setfenv(0, mine)]],
      } })
    end)

    it("keeps it here", function()
      local environment = {}
      local f = with(environment, function() return 1 end)
      assert.are.equal(1, results_of_ex(f))
      assert.are.equal(environment, getfenv(f))
    end)
  end)
end

describe("bytecode", function()
  local EVERYTHING = [[
    local up, sum = { 1 }, 0
    local function count(...)
      local n = select("#", ...)
      return n == 0 and up[1] or n + count(select(2, ...))
    end
    for i = 1, 3 do sum = sum + i end
    for _, v in ipairs { 1, 2, x = "y" } do sum = sum + v end
    while sum < 100 do sum = sum * 2 end
    repeat sum = sum - 1 until sum % 10 == 0
    return sum, count(1, nil, 3), "a\0b", 0.1, 1e300, -5, 2 ^ 53, true, nil,
      ("x"):rep(3), #up, not up, (...)]]

  it("of a function of every kind works in a child", function()
    local f = lua.load(EVERYTHING)
    local expected = lua.pack(f("argument"))
    assert.are.same(expected, lua.pack(results_of_ex(f, "argument")))
    for _, strip in ipairs { false, true } do
      local dumped = string.dump(f, strip)
      assert.are.same(expected, lua.pack(results_of_ex(dumped, "argument")))
      assert.are.same(expected, lua.pack(results(dumped, "argument")))
    end
  end)

  it("made in a child works here", function()
    local dumped = results [[
      return string.dump(function(...) return select("#", ...), ... end)]]
    assert.are.same({ 2, "a", "b" }, { lua.load(dumped)("a", "b") })
    assert.are.same({ 2, "a", "b" }, { results(dumped, "a", "b") })
  end)

  it("of another Lua is refused in the words of this one", function()
    local own = string.dump(function() end)
    for _, other in ipairs { "\27LJ\1", "\27LJ\2", "\27Lua\81", "\27Lua\82",
      "\27Lua\83", "\27Lua\84", "\27Lua\85" } do
      if own:sub(1, #other) ~= other then
        local code = other .. own:sub(#other + 1)
        local _, message = lua.load(code)
        assert.is_string(message)
        assert.are.equal(message, outcome.raised(llthreads.new, code))
        local ok, report = ex.new({ code, lua_init = sync.QUIET }):start()
          :join()
        assert.is_false(ok)
        assert.is_truthy(report:find("precompiled chunk", 1, true)
          or report:find("bytecode", 1, true) or report:find("binary", 1, true),
          report)
      end
    end
  end)
end)

describe("a coroutine in a child", function()
  it("exchanges values and ends", function()
    assert.are.same({ true, 1, true, "end", "dead", false }, { results [[
      local co = coroutine.create(function(a)
        local b = coroutine.yield(a)
        return b
      end)
      local one, a = coroutine.resume(co, 1)
      local two, b = coroutine.resume(co, "end")
      return one, a, two, b, coroutine.status(co), (coroutine.resume(co))]] })
  end)

  it("passes an error on as the object that it is", function()
    assert.are.same({ false, "the same", false, "the same", "dead" },
      { results [[
      local object = {}
      local function fail() error(object) end
      local co = coroutine.create(fail)
      local ok, resumed = coroutine.resume(co)
      local caught, wrapped = pcall(coroutine.wrap(fail))
      local function name(found) return found == object and "the same" end
      return ok, name(resumed), caught, name(wrapped),
        coroutine.status(co)]] })
  end)

  it("may catch an error itself and go on", function()
    assert.are.same({ false, "inner", "yielded", "end" }, { results [[
      local co = coroutine.wrap(function()
        local ok, message = pcall(function()
          return pcall(coroutine.wrap(function() error("inner", 0) end))
        end)
        if not ok then error("unreachable") end
        local caught, text = pcall(error, "inner", 0)
        coroutine.yield(caught, text)
        coroutine.yield("yielded")
        return "end"
      end)
      local caught, text = co()
      return caught, text, co(), co()]] })
  end)

  it("passes an error on to join, through any number of others", function()
    local ok, message = llthreads.new(sync.QUIET .. [[
      local function nest(depth)
        if depth == 0 then error("the bottom", 0) end
        coroutine.wrap(nest)(depth - 1)
      end
      nest(20)]]):start():join()
    assert.is_false(ok)
    assert.is_truthy(message:find("the bottom\nstack traceback:\n", 1, true),
      message)
  end)

  it("sends, receives and joins", function()
    assert.are.same({ "value", true, "joined" }, { results [[
      return coroutine.wrap(function()
        local channel = require "llthreads2.channel".new()
        channel:send("value")
        local _, value = channel:receive()
        return value, require "llthreads2".new("return 'joined'"):start()
          :join()
      end)()]] })
  end)

  -- 5.1 cannot yield across a C call.
  if lua.version >= 5.2 or lua.jit then
    it("may yield inside of pcall", function()
      assert.are.same({ "yielded", true, "resumed" }, { results [[
        local co = coroutine.wrap(function()
          return pcall(function() return coroutine.yield("yielded") end)
        end)
        local first = co()
        return first, co("resumed")]] })
    end)
  end
end)
