-- SPDX-License-Identifier: MIT
-- Where a child reports its error: on stderr, or to the logger that was set
-- in that child.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local TRACEBACK = "\nstack traceback:\n\t"

-- The report that belongs to the message of a failed join.
local function report(message)
  return (message:gsub("^Error from child thread: ", "Error from thread: "))
end

-- A logger that hands each report to the spec, in a line of its own.
local SENDER = [[
local log = function(...)
  link:send(select("#", ...) .. " " .. (...):gsub("\n", "|") .. "\n")
end
local set_logger = require("llthreads2").set_logger
]]

describe("the report of an error", function()
  it("goes to stderr as one text that ends with a newline", function()
    local out, err = proc.run([[
      local new = require("llthreads2").new
      print(select(2, new("error('told')"):start():join()))]])
    assert.are.equal(report(out), err)
    local expected = "Error from thread: [string \"error('told')\"]:1: told"
      .. TRACEBACK
    assert.are.equal(expected, err:sub(1, #expected))
  end)

  it("goes to stderr for every kind of error object", function()
    local _, err = proc.run([[
      local new = require("llthreads2").new
      new("error()"):start():join()
      new("error('a\\0b', 0)"):start():join()
      new("error(setmetatable({}, { __tostring = function() "
        .. "return 'text' end }))"):start():join()]])
    -- In 5.1 a pattern ends at a NUL.
    assert.is_truthy(err:gsub("%z", "<NUL>"):find(
      "^Error from thread: %(no error message%)\n"
      .. "Error from thread: a<NUL>b" .. TRACEBACK
      .. ".*\nError from thread: text\n$"))
  end)

  it("goes to stderr from threads of every kind", function()
    local _, err, code = proc.run(sync.SETTLED .. [[
      local new = require("llthreads2").new
      new("error('attached', 0)"):start(false, false):join()
      new("error('joinable', 0)"):start(true, true):join()
      local detached = new("error('detached', 0) ")
      detached:start(true)
      detached = nil
      settled()]])
    for _, name in ipairs { "attached", "joinable", "detached" } do
      assert.is_truthy(err:find("Error from thread: " .. name .. TRACEBACK, 1,
        true), err)
    end
    assert.are.equal(0, code)
  end)

  it("stays in one piece when many threads fail at once", function()
    -- Each report is longer than what a pipe takes at once.
    local out, err = proc.run([[
      local new = require("llthreads2").new
      local threads = {}
      for i = 1, 30 do
        threads[i] = new("error((...), 0)", ("message " .. i .. " "):rep(10000))
      end
      for _, thread in ipairs(threads) do thread:start() end
      for _, thread in ipairs(threads) do
        io.write(select(2, thread:join()), "\1")
      end]])
    for message in out:gmatch("([^\1]+)\1") do
      local whole = report(message) .. "\n"
      local from, to = err:find(whole, 1, true)
      assert.is_truthy(from, "a report is missing or in pieces")
      err = err:sub(1, from - 1) .. err:sub(to + 1)
    end
    assert.are.equal("", err)
  end)

  it("is given up when stderr takes nothing", function()
    local out, err, code = proc.run([[
      local new = require("llthreads2").new
      print(new("error('lost', 0)"):start():join())]],
      { prefix = [[sh -c 'exec "$@" 2>/dev/full' -]] })
    assert.is_truthy(out:find("false\tError from child thread: lost"
      .. TRACEBACK, 1, true), out)
    assert.are.same({ "", 0 }, { err, code })
  end)

  it("is not made when the thread succeeds", function()
    local out, err, code = proc.run(lua.TOOLS .. [[
      local new = require("llthreads2").new
      for _, flags in ipairs { { false }, { false, false }, { true, true } } do
        new("return pcall(error, 'caught')")
          :start(unpack(flags)):join()
      end
      new("return ..."):join()]])
    assert.are.same({ "", "", 0 }, { out, err, code })
  end)

  it("is not made for results that nobody wants", function()
    local out, err = proc.run(lua.TOOLS .. [[
      local new = require("llthreads2").new
      local deep = "local t = {} for _ = 1, 200 do t = { t } end return t"
      for _, flags in ipairs { { false, false }, { true, true } } do
        local ok, zero = new(deep):start(unpack(flags)):join()
        print(ok, zero == 0)
      end]])
    assert.are.same({ "true\ttrue\ntrue\ttrue\n", "" }, { out, err })
  end)
end)

describe("the logger of a child", function()
  it("gets the whole report instead of stderr", function()
    local thread, link = sync.meet(SENDER
      .. "set_logger(log)\nerror('told', 0)")
    local _, message = thread:join()
    assert.are.equal("1 " .. report(message):gsub("\n", "|"), link:receive())
  end)

  it("is called after the error has unwound the stack", function()
    -- Where variables are closed, that has happened, too.
    local CLOSED = lua.version >= 5.4 and [[
      local closed <close> = setmetatable({},
        { __close = function() unwound = "yes" end })
      ]] or "unwound = 'yes' "
    local thread, link = sync.meet([[
      local unwound = "no"
      require("llthreads2").set_logger(function()
        link:send(unwound .. (" error"):rep(select(2,
          debug.traceback():gsub("'error'", ""))) .. "\n")
      end)
      ]] .. CLOSED .. [[error("told")]])
    assert.is_false((thread:join()))
    assert.are.equal("yes", link:receive())
  end)

  it("is called in threads of every kind", function()
    for _, flags in ipairs { { false, true }, { false, false },
      { true, true }, { true, false } } do
      local _, link = sync.meet(SENDER
        .. "set_logger(log)\nerror('told', 0)", flags)
      assert.are.equal("1 Error from thread: told|stack traceback:|",
        link:receive():sub(1, 43))
    end
  end)

  it("is the one that was set last", function()
    local thread, link = sync.meet(SENDER .. [[
      set_logger(function() link:send("first\n") end)
      set_logger(log)
      set_logger(function() link:send("last\n") end)
      error("told")]])
    thread:join()
    assert.are.equal("last", link:receive())
    assert.is_nil(link:receive())
  end)

  it("may fail, and may return what it likes", function()
    for _, body in ipairs { "error('logger')", "error()", "local x; x()",
      "return 1, error, {}", "return" } do
      local thread, link = sync.meet([[
        local body = select(2, ...)
        require("llthreads2").set_logger(function()
          link:send("called\n")
          return (loadstring or load)(body)()
        end)
        error("told", 0)]], nil, body)
      local ok, message = thread:join()
      assert.are.equal("called", link:receive())
      assert.is_false(ok)
      assert.are.equal(1, message:find("Error from child thread: told\n"))
    end
  end)

  it("that fails keeps stderr clean", function()
    local _, err, code = proc.run([[
      local new = require("llthreads2").new
      new("require('llthreads2').set_logger(function() error('x') end)"
        .. "error('told')"):start():join()]])
    assert.are.same({ "", 0 }, { err, code })
  end)

  it("is not called when the thread succeeds", function()
    local thread, link = sync.meet(SENDER .. "set_logger(log)\nreturn 1")
    assert.is_true(thread:join())
    assert.are.same({ nil, "closed" }, { (select(1, link:receive())),
      (select(2, link:receive())) })
  end)

  it("is not inherited from the parent", function()
    local out, err = proc.run([[
      local llthreads = require("llthreads2")
      llthreads.set_logger(function() io.write("the parent's logger") end)
      llthreads.new("error('told', 0)"):start():join()]])
    assert.are.equal("", out)
    assert.is_truthy(err:find("^Error from thread: told\n"))
  end)

  it("is not seen by its sisters", function()
    local first, link = sync.meet(SENDER
      .. "set_logger(log)\nlink:send('ready\\n')\nlink:receive()\nerror('1')")
    assert.are.equal("ready", link:receive())
    local _, second_link = sync.meet(SENDER .. [[
      set_logger(function() link:send("second\n") end)
      error("2")]])
    assert.are.equal("second", second_link:receive())
    link:send("\n")
    first:join()
    assert.is_truthy(link:receive():find("^1 Error from thread: "))
  end)
end)

describe("set_logger", function()
  it("returns nothing", function()
    assert.are.same({ true, 0 }, { llthreads.new(
      "return select('#', require('llthreads2').set_logger(print))")
      :start():join() })
  end)

  it("refuses what is not a function and keeps the logger it has", function()
    for _, bad in ipairs { "", "nil", "'text'", "1", "{}",
      "setmetatable({}, { __call = function() end })", "io.stdout",
      "coroutine.create(function() end)" } do
      local thread, link = sync.meet(SENDER .. [[
        set_logger(log)
        link:send(tostring(select(2, pcall(function()
          local library = require("llthreads2")
          library.set_logger(]] .. bad .. [[)
        end))) .. "\n")
        error("told", 0)]])
      assert.is_truthy(link:receive():find("bad argument #1 to 'set_logger' (",
        1, true), bad)
      assert.is_truthy(link:receive():find("^1 Error from thread: told|"))
      thread:join()
    end
  end)
end)
