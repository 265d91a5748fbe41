-- SPDX-License-Identifier: MIT
-- Children that fail while a hook raises, or report to a logger or a pipe that
-- makes trouble.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

describe("the hook of a child", function()
  local JOINED = "Can't join a thread that has already been joined."

  -- What `join` says of a child that ends by an error while a hook raises.
  local function failure(code)
    local thread = channels.start(sync.QUIET .. code)
    local ok, message = channels.join(thread)
    assert.is_false(ok)
    assert.are.same({ nil, JOINED }, { thread:join() })
    return message
  end

  local ERRORS = { "{}", "nil", "print", "'other'", "setmetatable({}, "
    .. "{ __tostring = function() error {} end })", "1" }

  it("that raises whatever it likes leaves an error with a text", function()
    for _, object in ipairs(ERRORS) do
      for _, mask in ipairs { "c", "r", "l", "crl" } do
        assert.are.equal(1, failure(([[
          debug.sethook(function() error(%s, 0) end, %q)
          local x = tostring(1)
          error("told", 0)]]):format(object, mask))
          :find("Error from child thread: ", 1, true), object)
      end
    end
  end)

  it("that raises when the error is reported does not replace it", function()
    for _, object in ipairs(ERRORS) do
      assert.are.equal(1, failure(([[
        local calls = 0
        debug.sethook(function()
          -- The error itself, and what adds the traceback.
          if calls >= 2 then error(%s, 0) end
          local at = debug.getinfo(2, "f")
          if calls == 1 or at.func == error then calls = calls + 1 end
        end, "c")
        error("told", 0)]]):format(object))
        :find("Error from child thread: told\n", 1, true))
    end
  end)

  it("that raises at the end does not replace what join returns", function()
    local thread = channels.start(sync.QUIET .. [[
      debug.sethook(function() error({}, 0) end, "c")
      return "result"]])
    assert.are.same({ true, "result" }, { channels.join(thread) })
    assert.is_truthy(failure([[
      local t = {}
      for _ = 1, 200 do t = { t } end
      debug.sethook(function() error({}, 0) end, "c")
      return t]]):find("Hit maximum copy depth", 1, true))
  end)
end)

describe("a logger", function()
  -- What a child's logger sent, and the message of its join.
  local function logged(body, ...)
    local ch = channel.new()
    local thread = channels.start(([[
      local llthreads, ch = require "llthreads2", ...
      local channel = require "llthreads2.channel"
      llthreads.set_logger(function(text) %s end)
      error("told", 0)]]):format(body), ch, ...)
    local ok, message = channels.join(thread)
    assert.is_false(ok)
    assert.are.equal(1, message:find("Error from child thread: told\n", 1,
      true))
    return ch
  end

  it("may start threads, join them, and fail in them", function()
    local ch = logged [[
      local thread = llthreads.new("return ...", text):start()
      local quiet = "require('llthreads2').set_logger(error) error('again')"
      ch:send(select(2, thread:join()), (llthreads.new(quiet):start():join()))
      llthreads.new("(...):send('late')", ch):start()]]
    local _, text, nested = ch:receive(0)
    assert.are.equal(1, text:find("Error from thread: told\n", 1, true))
    assert.is_false(nested)
    assert.are.same({ true, "late" }, { ch:receive(channels.PATIENCE) })
  end)

  it("may replace itself, send, close, select and fail", function()
    local ch = logged [[
      llthreads.set_logger(print)
      ch:send(text)
      llthreads.set_logger(function() end)
      channel.select({ ch }, 0)
      ch:send(select("#", pcall(llthreads.set_logger, nil)))
      ch:close()
      error(setmetatable({}, { __tostring = error }))]]
    assert.are.same({ true, 2 }, { ch:receive(0) })
    assert.are.same({ nil, "closed" }, { ch:receive(0) })
  end)

  it("may run out of stack and out of coroutines", function()
    logged "local function f() return 1 + f() end f()"
    -- LuaJIT lets the C stack overflow, also without us.
    if not lua.jit then
      logged "local function f() return (('x'):gsub('x', f)) end f()"
    end
    logged "coroutine.yield()"
    logged "coroutine.close(coroutine.running())"
    logged "error(text)"
  end)

  it("may be what an error's text is made in, too", function()
    local ch = channel.new()
    local thread = channels.start([[
      local llthreads, ch = require "llthreads2", ...
      llthreads.set_logger(function(text) ch:send(text) end)
      error(setmetatable({}, { __tostring = function()
        local thread = llthreads.new("return 'a text'"):start()
        ch:send("made")
        llthreads.set_logger(llthreads.set_logger)
        llthreads.set_logger(function(text) ch:send(text) end)
        return select(2, thread:join())
      end }))]], ch)
    local _, message = channels.join(thread)
    assert.are.equal("Error from child thread: a text", message)
    assert.are.same({ true, "made" }, { ch:receive(0) })
    assert.are.same({ true, "Error from thread: a text" }, { ch:receive(0) })
  end)
end)

describe("a report that nobody can read", function()
  it("does not end the process", function()
    -- In the end it writes by itself, which is what ends it.
    local out, _, code = proc.shell(([[sh -c '
      mkfifo "$0"
      exec 4<>"$0" 5>"$0" 4<&-
      rm "$0"
      exec env --default-signal=PIPE %s - 2>&5' "$(mktemp -u)"]])
      :format(files.interpreter()), [[
        local new = require("llthreads2").new
        for _ = 1, 3 do new("error('unseen')"):start():join() end
        io.stdout:write("alive\n")
        io.stdout:flush()
        io.stderr:write("x")]])
    assert.are.same({ "alive\n", 141 }, { out, code })
  end)
end)
