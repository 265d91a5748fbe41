-- SPDX-License-Identifier: MIT
-- What does not travel: refused with its place as an argument of `new`, turned
-- into a text as a result; and what is nested too deeply for either.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local memory = require "spec.support.memory"
local outcome = require "spec.support.outcome"
local values = require "spec.support.values"

local function run(code, ...)
  return llthreads.new(code, ...):start():join()
end

local echo, refusal = outcome.echo, outcome.refusal
local nested = values.nested

local function lua_function() end

describe("a value that cannot be sent", function()
  local PLACES = {
    { "#2 to 'new' (Lua function cannot be sent)", lua_function },
    { "#4 to 'new' (Lua function cannot be sent)", 1, nil, lua_function },
    { "#2 to 'new' (coroutine cannot be sent)",
      coroutine.create(lua_function) },
    { "#2 to 'new' (userdata cannot be sent)", io.stdout },
    { "#2 to 'new' (at .jobs[3].callback: Lua function cannot be sent)",
      { jobs = { 1, 2, { callback = lua_function } } } },
    { "#3 to 'new' (at [1.5]: userdata cannot be sent)",
      {}, { [1.5] = io.stdout } },
    { "#2 to 'new' (at [true]: coroutine cannot be sent)",
      { [true] = coroutine.create(lua_function) } },
    { "#2 to 'new' (at [\"two words\"]._x9: Lua function cannot be sent)",
      { ["two words"] = { _x9 = lua_function } } },
    { "#2 to 'new' (at [-7]: userdata cannot be sent)",
      { [-7] = io.stdout } },
    { "#2 to 'new' (at .jobs: a key: Lua function cannot be sent)",
      { jobs = { [lua_function] = 1 } } },
  }

  it("is refused as an argument, with its number and place", function()
    for _, row in ipairs(PLACES) do
      assert.are.equal("bad argument " .. row[1],
        refusal(lua.unpack(row, 2, #row)))
    end
  end)

  it("is refused as an argument also when it is a thread", function()
    assert.are.equal("bad argument #2 to 'new' (userdata cannot be sent)",
      refusal(llthreads.new("")))
  end)

  it("becomes a text as a result, at any depth and as a key", function()
    local ok, f, file, co, deep, keyed = run([[
      local function f() end
      return f, io.stdout, coroutine.create(f), { 1, { f = f } }, { [f] = 1 }
    ]])
    assert.is_true(ok)
    local prefix = "^Un%-supported value: "
    assert.is_truthy(f:find(prefix .. "function: 0x%x+$"))
    assert.is_truthy(file:find(prefix .. "userdata: 0x%x+$"))
    assert.is_truthy(co:find(prefix .. "thread: 0x%x+$"))
    assert.are.equal(f, deep[2].f)
    assert.are.equal(1, keyed[f])
  end)
end)

describe("a C function whose upvalues cannot be sent", function()
  it("is refused as an argument, with the place of the upvalue", function()
    -- In LuaJIT these are no C functions; see builtins_spec.lua.
    if not lua.jit then
      assert.are.equal("bad argument #2 to 'new' "
        .. "(at <upvalue 1>: coroutine cannot be sent)",
        refusal(coroutine.wrap(lua_function)))
    end
    if lua.reaches_c_upvalues then
      assert.are.equal("bad argument #3 to 'new' "
        .. "(at .f<upvalue 1>[2]: coroutine cannot be sent)",
        refusal(1, { f = values.closure {
          1, coroutine.create(lua_function) } }))
    end
    -- Before, the iterator has nothing but strings and a number.
    if lua.version >= 5.3 then
      assert.are.equal("bad argument #2 to 'new' "
        .. "(at <upvalue 3>: userdata cannot be sent)",
        refusal((("x"):gmatch("x"))))
    end
  end)

  it("becomes a text as a result", function()
    local text = "^Un%-supported value: function: 0x%x+$"
    local function becomes_text(code)
      local ok, result = run("return " .. code)
      assert.is_true(ok)
      assert.is_truthy(tostring(result):find(text), code)
    end
    becomes_text "coroutine.wrap(function() end)"
    becomes_text "io.lines('/dev/null')"
    if lua.version >= 5.3 then becomes_text "('x'):gmatch('x')" end
  end)
end)

describe("nesting", function()
  it("may be 100 deep, in both directions", function()
    assert.are.same(nested(100), (echo(nested(100))))
    assert.are.same(nested(99, "core"), (echo(nested(99, "core"))))
  end)

  it("of 101 is refused as an argument", function()
    local message = "Hit maximum copy depth (101 > 100)."
    assert.are.equal(message, refusal(nested(101)))
    assert.are.equal(message, refusal(1, nested(100, "core")))
  end)

  it("of 101 as a result is a thread that failed", function()
    local ok, message = run([[
      require("llthreads2").set_logger(function() end)
      local outer = {}
      for _ = 2, 101 do outer = { outer } end
      return outer]])
    assert.is_false(ok)
    assert.are.equal(1, message:find("Error from child thread: ", 1, true))
    assert.is_truthy(message:find("Hit maximum copy depth (101 > 100).", 1,
      true))
  end)
end)

describe("new", function()
  it("leaves no memory behind when it fails", function()
    assert.is_true(memory.is_given_back(pending, function()
      for _ = 1, 500 do
        refusal(("x"):rep(10000), lua_function)
        refusal(nested(101))
        assert.is_false(pcall(llthreads.new, "x x", ("x"):rep(10000)))
      end
    end))
  end)
end)
