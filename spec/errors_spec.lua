-- SPDX-License-Identifier: MIT
-- How a child that fails tells its parent: what `join` returns.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local sync = require "spec.support.sync"

local PREFIX = "Error from child thread: "
local TRACEBACK = "\nstack traceback:\n\t"
local NO_MESSAGE = "(no error message)"

-- Runs a program that fails; returns the text behind the prefix.
local function failure(code, ...)
  local thread = llthreads.new(sync.QUIET .. "\n" .. code, ...):start()
  local results = lua.pack(thread:join())
  assert.are.equal(2, results.n)
  assert.is_false(results[1])
  assert.are.equal(PREFIX, results[2]:sub(1, #PREFIX))
  return results[2]:sub(#PREFIX + 1)
end

local function starts_with(start, text)
  assert.are.equal(start, text:sub(1, #start))
end

describe("an error", function()
  it("with a string arrives with its position and a traceback", function()
    local thread = llthreads.new("-- told\n" .. sync.QUIET
      .. "\nlocal function fail() error('told') end\nfail()"):start()
    local ok, message = thread:join()
    assert.is_false(ok)
    starts_with(PREFIX .. '[string "-- told..."]:3: told' .. TRACEBACK, message)
    assert.is_truthy(message:find('[string "-- told..."]:3: in ', 1, true))
    assert.is_truthy(message:find('[string "-- told..."]:4: in main chunk', 1,
      true))
  end)

  it("with a number arrives as its text with a traceback", function()
    starts_with("42" .. TRACEBACK, failure("error(42, 0)"))
    starts_with("0.5" .. TRACEBACK, failure("error(0.5, 0)"))
  end)

  it("of the interpreter arrives with a traceback", function()
    local text = failure("return {} + 1")
    assert.is_truthy(text:find("attempt to perform arithmetic on a table value"
      .. TRACEBACK, 1, true))
  end)

  it("keeps the NULs in its message", function()
    starts_with("a\0b\0" .. TRACEBACK, failure("error('a\\0b\\0', 0)"))
    assert.are.equal("a\0b", failure([[error(setmetatable({},
      { __tostring = function() return "a\0b" end }))]]))
  end)

  it("with a table or userdata that has a text gives that alone", function()
    assert.are.equal("the text", failure([[error(setmetatable({},
      { __tostring = function() return "the text" end }))]]))
    assert.is_truthy(failure("error(io.stdout)"):find("^file %(0x%x+%)$"))
  end)

  it("with anything else has no message", function()
    for _, object in ipairs { "{}", "true", "false", "print", "nil", "",
      "coroutine.create(function() end)", "function() end", "pointer()",
      "setmetatable({}, { __index = {} })" } do
      assert.are.equal(NO_MESSAGE,
        failure(lua.POINTER .. "error(" .. object .. ")"), object)
    end
  end)

  it("whose __tostring fails or gives no text still ends the thread",
    function()
      for _, method in ipairs { "error('again')", "error()", "error({})",
        "return nil", "return {}", "return io.stdout", "local x; x()" } do
        local text = failure("error(setmetatable({}, { __tostring = function() "
          .. method .. " end }))")
        assert.is_true(#text > 0)
      end
    end)

  it("whose __tostring fails with itself does not hang", function()
    local text = failure([[
      local object = setmetatable({}, {})
      getmetatable(object).__tostring = function() error(object) end
      error(object)]])
    assert.is_true(#text > 0)
  end)

  it("in deep recursion arrives", function()
    local text = failure("local function deep() return 1 + deep() end deep()")
    assert.is_truthy(text:find("stack overflow", 1, true))
    assert.is_truthy(text:find(TRACEBACK, 1, true))
  end)

  -- The collector is made to run whenever it can.
  it("arrives whatever finalisers raise meanwhile", function()
    assert.are.equal("Hit maximum copy depth (101 > 100).",
      failure(lua.TOOLS .. [[
        local deep = {}
        for _ = 1, 300 do deep = { deep } end
        collectgarbage("setpause", 0)
        collectgarbage("setstepmul", 1000000)
        collectgarbage()
        local objects = {}
        for i = 1, 100 do
          objects[i] = finalised(function() error({}) end)
        end
        return deep, objects]]))
  end)

  it("with a long message arrives whole", function()
    local long = ("x"):rep(100000)
    starts_with(long .. TRACEBACK, failure("error((...), 0)", long))
  end)

  if lua.version >= 5.4 then
    it("after the work of to-be-closed variables arrives with their error",
      function()
        starts_with("second" .. TRACEBACK, failure([[
          local closed <close> = setmetatable({},
            { __close = function() error("second", 0) end })
          error("first")]]))
      end)
  end
end)

describe("a thread that joins without values", function()
  it("returns true and 0 also when it has failed", function()
    for _, flags in ipairs { { false, false }, { true, true } } do
      local thread = llthreads.new(sync.QUIET .. "error('unseen')")
      thread:start(lua.unpack(flags))
      assert.are.same({ true, 0, n = 2 }, lua.pack(thread:join()))
    end
  end)
end)

describe("a failed thread", function()
  it("leaves its parent and its sisters alone", function()
    local threads = {}
    for i = 1, 20 do
      threads[i] = llthreads.new(i % 2 == 0 and "return ..."
        or sync.QUIET .. "error('odd', 0)", i):start()
    end
    for i, thread in ipairs(threads) do
      local ok, result = thread:join()
      assert.are.equal(i % 2 == 0, ok)
      if ok then assert.are.equal(i, result) end
    end
  end)

  it("closes its state as one that succeeds does", function()
    local thread, link = sync.meet(sync.QUIET .. lua.TOOLS .. [[
      keep = finalised(function() link:send("closed\n") end)
      error("failed")]])
    assert.is_false((thread:join()))
    assert.are.equal("closed", sync.heard(link))
  end)
end)
