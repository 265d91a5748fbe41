-- SPDX-License-Identifier: MIT
-- Interrupting a thread: an error that is raised in the child's Lua code, by a
-- debug hook beside that of the child.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local INTERRUPTED = llthreads.interrupted_error

-- `caught()` runs a function that must be interrupted and returns whether it
-- was. `spin` tells the spec first that it runs.
local TOOLS = sync.QUIET .. sync.SPIN .. [[
local function caught(f, ...)
  local ok, message = pcall(f, ...)
  local text = require("llthreads2").interrupted_error
  return not ok and tostring(message):find(text, 1, true) ~= nil
end
local function ready_and_spin()
  link:send("ready\n")
  spin()
end
]]

-- Starts a child that is about to spin.
local function spinning(code, flags)
  local thread, link = sync.meet(TOOLS .. code, flags)
  assert.are.equal("ready", link:receive())
  return thread, link
end

local function was_interrupted(thread)
  local ok, message = thread:join(sync.PATIENCE * 1000)
  assert.is_false(ok, message)
  assert.are.equal(1, message:find("Error from child thread: ", 1, true))
  assert.is_truthy(message:find(INTERRUPTED .. "\nstack traceback:\n", 1, true),
    message)
end

describe("interrupt", function()
  it("ends a busy child with its error", function()
    local thread = spinning("ready_and_spin()")
    thread:interrupt()
    was_interrupted(thread)
  end)

  it("reaches a loop without any call", function()
    if proc.sanitizer() == "tsan" then
      pending("the sanitizer holds signals back until the next call")
    end
    -- What LuaJIT has compiled looks for nothing.
    local code = lua.jit and "jit.off() " or ""
    local thread = spinning(code
      .. "link:send('ready\\n') for _ = 1, 1e10 do end")
    local before = sync.now()
    thread:interrupt()
    was_interrupted(thread)
    assert.is_true(sync.now() - before < 5)
  end)

  if lua.jit then
    for what, code in pairs {
      ["calls a C function"] = "os.time()",
      ["makes objects that are used"] = "t[i % 10] = { i }",
      ["makes strings that are used"] = "t[i % 10] = 'x' .. i",
    } do
      it("reaches a compiled loop that " .. what, function()
        local thread = spinning("link:send('ready\\n') local t = {} "
          .. "for i = 1, 1e10 do " .. code .. " end")
        thread:interrupt()
        was_interrupted(thread)
      end)
    end
  end

  it("reaches Lua code that a C function has called", function()
    local thread = spinning("string.gsub('x', 'x', ready_and_spin)")
    thread:interrupt()
    was_interrupted(thread)
  end)

  it("raises once, and can be caught", function()
    local thread = spinning([[
      local first = caught(ready_and_spin)
      for _ = 1, 3000000 do end
      return first]])
    thread:interrupt(nil)
    assert.are.same({ true, true }, { thread:join() })
  end)

  it("raises again when it is called again", function()
    local thread, link = spinning([[
      local first = caught(ready_and_spin)
      local second = caught(ready_and_spin)
      return first, second]])
    thread:interrupt()
    assert.are.equal("ready", link:receive())
    thread:interrupt()
    assert.are.same({ true, true, true }, { thread:join() })
  end)

  it("that is persistent raises again and again", function()
    local thread = spinning([[
      pcall(pcall, pcall, ready_and_spin)
      pcall(spin)
      spin()]])
    thread:interrupt(true)
    was_interrupted(thread)
  end)

  it("takes any true value for persistent", function()
    for _, value in ipairs { 1, "yes", {} } do
      local thread = spinning("pcall(ready_and_spin) pcall(spin) spin()")
      thread:interrupt(value)
      was_interrupted(thread)
    end
  end)

  it("that is persistent can be called off", function()
    local thread, link = spinning([[
      link:send("ready\n")
      link:receive()
      for _ = 1, 1000000 do end
      return "undisturbed"]])
    thread:interrupt(true)
    thread:interrupt(false)
    link:send("\n")
    assert.are.same({ true, "undisturbed" }, { thread:join() })
  end)

  it("waits for a foreign C call to return", function()
    local thread, link = sync.meet(TOOLS .. [[
      local line
      local ok = caught(function()
        link:send("ready\n")
        line = link:receive()
        spin()
      end)
      return ok, line]])
    assert.are.equal("ready", link:receive())
    thread:interrupt()
    link:send("came through\n")
    local ok, interrupted = thread:join()
    assert.are.same({ true, true }, { ok, interrupted })
  end)

  it("finds its way out of a coroutine", function()
    local thread = spinning([[
      assert(coroutine.resume(coroutine.create(function()
        link:send("ready\n")
        local limit = os.time() + 1
        while os.time() < limit do end
      end)))
      spin()]])
    thread:interrupt()
    was_interrupted(thread)
  end)

  it("reaches a coroutine of before that makes garbage, and its hook stays",
    function()
      local thread = spinning([[
        local function hook() end
        return select(2, coroutine.resume(coroutine.create(function()
          debug.sethook(hook, "", 1000000)
          local ok = caught(function()
            link:send("ready\n")
            local limit, garbage = os.time() + 20, nil
            while os.time() < limit do garbage = { garbage and 1 } end
          end)
          return ok, debug.gethook() == hook
        end)))]])
      thread:interrupt()
      assert.are.same({ true, true, true }, { thread:join() })
    end)
end)

describe("interrupt before start", function()
  it("takes effect once the thread is started", function()
    -- In a process of its own, as the child has no time to set a logger.
    local out, err, code = proc.run(lua.TOOLS .. [[
      local llthreads = require "llthreads2"
      for _, arguments in ipairs { {}, { true } } do
        local thread = llthreads.new("for _ = 1, 1e10 do end")
        thread:interrupt(unpack(arguments))
        local ok, message = thread:start():join(20000)
        print(ok, message:find(llthreads.interrupted_error, 1, true) ~= nil)
      end]])
    assert.are.same({ "false\ttrue\nfalse\ttrue\n", 0 }, { out, code }, err)
  end)

  it("can be called off", function()
    for _, arguments in ipairs { {}, { true } } do
      local thread = llthreads.new("for _ = 1, 100000 do end return 1")
      thread:interrupt(lua.unpack(arguments))
      thread:interrupt(false)
      assert.are.same({ true, 1 }, { thread:start():join() })
    end
  end)
end)

describe("interrupt of a thread that is out of reach", function()
  local WAYS = { { n = 0 }, { n = 1 }, { true, n = 1 }, { false, n = 1 } }

  local function does_nothing(thread)
    for _, way in ipairs(WAYS) do
      assert.are.equal(0,
        select("#", thread:interrupt(lua.unpack(way, 1, way.n))))
    end
    thread:interrupt(true)
  end

  it("does nothing after the end, and the results stay", function()
    local thread = llthreads.new("return 'result'"):start()
    assert.is_true(sync.eventually(function() return not thread:alive() end))
    does_nothing(thread)
    assert.are.same({ true, "result" }, { thread:join() })
    does_nothing(thread)
    sync.collect()
    does_nothing(thread)
  end)

  it("does nothing to the finalisers that run in join", function()
    local thread, link = sync.meet(lua.TOOLS .. [[
      keep = finalised(function()
        for _ = 1, 100000 do end
        link:send("closed\n")
      end)]])
    assert.is_true(sync.eventually(function() return not thread:alive() end))
    does_nothing(thread)
    assert.is_true(thread:join())
    assert.are.equal("closed", sync.heard(link))
  end)

  it("does nothing after join of a thread that closed itself", function()
    for _, flags in ipairs { { false, false }, { true, true } } do
      local thread = llthreads.new(""):start(lua.unpack(flags))
      thread:join()
      does_nothing(thread)
    end
  end)

  it("does nothing to a detached thread, running or gone", function()
    local thread, link = spinning([[
      link:send("ready\n")
      link:receive()
      for _ = 1, 1000000 do end
      link:send("undisturbed\n")]], { true })
    does_nothing(thread)
    link:send("\n")
    assert.are.equal("undisturbed", link:receive())
    assert.is_nil(link:receive())
    does_nothing(thread)
  end)

  it("returns nothing to those within reach, too", function()
    local thread = llthreads.new("return 1")
    does_nothing(thread)
    thread:interrupt(false)
    assert.are.same({ true, 1 }, { thread:start():join() })
    local link
    thread, link = spinning("link:send('ready\\n') link:receive() spin()")
    does_nothing(thread)
    link:send("\n")
    was_interrupted(thread)
  end)
end)

describe("the debug hook of a child", function()
  -- What LuaJIT has compiled calls no hooks.
  local HOOKED = sync.QUIET .. sync.SPIN .. [[
    if jit then jit.off() end
    local calls = 0
    local function hook() calls = calls + 1 end
    local mask, count = select(2, ...)
    debug.sethook(hook, mask, count)
    local ok = pcall(function()
      link:send("ready\n")
      spin()
    end)
    local now, now_mask, now_count = debug.gethook()
    local before = calls
    for _ = 1, 100000 do math.abs(1) end
    return ok, now == hook, now_mask, now_count, calls > before]]

  it("is given back after an interrupt, and works", function()
    for _, case in ipairs { { "", 1000 }, { "l", 0 }, { "crl", 7 },
      { "c", 0 } } do
      local thread, link = sync.meet(HOOKED, nil, lua.unpack(case))
      assert.are.equal("ready", link:receive())
      thread:interrupt()
      assert.are.same({ true, false, true, case[1], case[2], true },
        { thread:join() })
    end
  end)

  it("is still there when an interrupt was called off", function()
    local thread, link = sync.meet([[
      local function hook() end
      debug.sethook(hook, "l")
      link:receive()
      for _ = 1, 1000 do end
      local now, mask, count = debug.gethook()
      return now == hook, mask, count]])
    thread:interrupt(true)
    thread:interrupt(false)
    link:send("\n")
    assert.are.same({ true, true, "l", 0 }, { thread:join() })
  end)

  it("is none when there was none before the interrupt", function()
    local thread, link = sync.meet(sync.QUIET .. sync.SPIN .. [[
      local ok = pcall(function()
        link:send("ready\n")
        spin()
      end)
      return ok, debug.gethook()]])
    assert.are.equal("ready", link:receive())
    thread:interrupt()
    local results = lua.pack(thread:join())
    assert.are.same({ true, false, nil }, { results[1], results[2],
      results[3] })
  end)
end)
