-- SPDX-License-Identifier: MIT
-- What is tried while allocations fail: attempt.lua says what a scenario is.
--
-- Each stands alone, as it travels as bytecode. Its options:
--
--   sides    whose calls fail: "parent" (the default), "child" or both
--   gated    the child's calls count only after it has called `here()`
--   modes    "once", "for good"; the default is both
--   stride   of so many allocations one fails
--   apart    in a process of its own that has not used the library yet

local scenarios = {}

local function add(name, options, scenario)
  if not scenario then options, scenario = {}, options end
  options.name, options.scenario = name, scenario
  scenarios[#scenarios + 1] = options
end

local PARENT, CHILD = { sides = { "parent" } }, { sides = { "child" } }
local CODE = { sides = { "child" }, gated = true }
local function with(options, more)
  local result = {}
  for key, value in pairs(options) do result[key] = value end
  for key, value in pairs(more or {}) do result[key] = value end
  return result
end

-- ---- the modules ----

-- What Lua says where a file cannot be opened or a library not be loaded, and
-- what the library says.
local function requiring(names)
  return load("local NAMES = " .. names .. [[

    local h = ...
    return {
      before = function()
        for _, name in ipairs(NAMES) do package.loaded[name] = nil end
      end,
      run = function()
        for _, name in ipairs(NAMES) do require(name) end
      end,
      passed = function()
        for _, name in ipairs(NAMES) do
          h.equal("table", type(require(name)), name)
        end
      end,
      texts = { "module 'll.*' not found:", "error loading module 'll",
        "cannot read ", "no thread%-specific key is left$" },
    }]])
end

add("require, the first in the process", { apart = true },
  requiring '{ "llthreads2.core" }')
add("the first thread and message in the process", { apart = true },
  function(h)
    local llthreads, ch
    return {
      before = function()
        llthreads = require "llthreads2"
        ch = require "llthreads2.channel".new()
      end,
      run = function()
        h.must(ch:send "message")
        local thread = llthreads.new("return (...):receive()", ch)
        h.must(thread:start())
        return h.joined(thread:join())
      end,
      passed = function(...) h.values({ true, "message" }, ...) end,
      failed = function()
        h.collect()
        ch:clear()
        h.settle()
      end,
      after = function() ch, llthreads = nil, nil end,
      texts = { "^Cannot allocate memory$",
        "^Resource temporarily unavailable$" },
    }
  end)

add("require, of the C module", requiring '{ "llthreads2.core" }')
-- Most of this is Lua's compiler. In 5.1 and LuaJIT a `require` that has failed
-- cannot be repeated, and leaves files open.
if not unpack then
  add("require, of all modules", { stride = 5 }, requiring [[{ "llthreads2",
    "llthreads2.ex", "llthreads2.channel", "llthreads", "llthreads.ex" }]])
end

add("version, set_logger, constants", function(h)
  local llthreads = require "llthreads2"
  local function logger() end
  return {
    run = function()
      llthreads.set_logger(logger)
      return llthreads.version()
    end,
    passed = function(major, minor, patch)
      h.equal(major .. "." .. minor .. "." .. patch,
        llthreads._VERSION:match("^[%d.]+"))
    end,
  }
end)

-- ---- channels: new, get, is ----

add("channel.new", function(h)
  local channel = require "llthreads2.channel"
  return {
    run = function() return channel.new() end,
    passed = function(ch)
      h.equal(0, ch:count())
      h.equal(math.huge, ch:capacity())
    end,
  }
end)

add("channel.new with a capacity and a name", function(h)
  local channel = require "llthreads2.channel"
  local name = ("name"):rep(20)
  return {
    before = h.collect,
    run = function() return channel.new { capacity = 3, name = name } end,
    passed = function(ch)
      h.equal(3, ch:capacity())
      h.equal(name, ch:name())
      h.equal(ch, channel.get(name))
    end,
    failed = function()
      h.collect()
      h.values({ nil, "not found" }, nil, select(2, channel.get(name)))
    end,
    after = function()
      h.collect()
      h.equal(nil, (channel.get(name)), "a name that is free")
    end,
  }
end)

add("channel.new refuses", function(h)
  local channel = require "llthreads2.channel"
  local taken = channel.new { name = "taken" }
  return {
    run = function()
      local _, one = pcall(channel.new, { name = "taken" })
      local _, two = pcall(channel.new, 0)
      local _, three = pcall(channel.new, { colour = "red" })
      local _, four = pcall(channel.get, 5)
      return one, two, three, four
    end,
    passed = function(...)
      local texts = {
        "bad argument #1 to 'new' (a channel named 'taken' exists)",
        "bad argument #1 to 'new' (capacity: integer of 1 or more expected, "
          .. "got 0)",
        "bad argument #1 to 'new' (unknown option 'colour')",
        "bad argument #1 to 'get' (string expected, got number)",
      }
      h.texts(texts, ...)
      h.equal(taken, channel.get "taken")
    end,
  }
end)

add("channel.get", function(h)
  local channel = require "llthreads2.channel"
  local ch = channel.new { name = "x" }
  return {
    run = function() return channel.get "x", channel.get "y" end,
    passed = function(x, y, why)
      h.equal(ch, x)
      h.values({ "not found" }, why)
      h.equal(nil, y)
    end,
  }
end)

add("channel: what only looks", function(h)
  local channel = require "llthreads2.channel"
  local ch = channel.new { name = "looked at", capacity = 5 }
  ch:send(1)
  local copy = channel.get "looked at"
  return {
    run = function()
      return channel.is(ch), ch:count(), #ch, ch:capacity(), ch:name(),
        tostring(ch), ch == copy, ch:closed(), ch:dirty(), ch:events(),
        ch:timeout()
    end,
    passed = function(is, count, length, capacity, name, text, same, closed,
        dirty, events, timeout)
      h.values({ true, 1, 1, 5, "looked at", true, false, false, "r" }, is,
        count, length, capacity, name, same, closed, dirty, events)
      assert(text:find "^channel %(looked at%): 0x" and timeout == nil)
    end,
  }
end)

add("channel.is, close, clear", function(h)
  local channel = require "llthreads2.channel"
  local ch
  return {
    before = function()
      ch = channel.new()
      for i = 1, 5 do ch:send(i, ch) end
    end,
    run = function()
      return channel.is(ch), channel.is "x", ch:clear(), ch:close(),
        ch:closed(), ch:clear()
    end,
    passed = function(...) h.values({ true, false, 5, true, true, 0 }, ...) end,
    after = function() ch = nil end,
  }
end)

add("fd", function(h)
  local channel = require "llthreads2.channel"
  local ch
  return {
    before = function()
      ch = nil
      h.collect()
      ch = channel.new()
      ch:send "message"
    end,
    run = function() return ch:fd(), ch:getfd(), ch:pollfd() end,
    passed = function(fd, get, poll)
      h.values({ fd, fd }, get, poll)
      h.values({ true, "message" }, ch:receive(0))
    end,
    failed = function()
      h.equal(1, ch:count())
      h.equal("number", type(ch:fd()))
    end,
    after = function() ch = nil end,
    texts = { "no descriptor for the channel: Too many open files$" },
  }
end)

-- ---- send ----

add("send", function(h)
  local ch = require "llthreads2.channel".new()
  return {
    run = function() return ch:send(1, "two", 3.5, nil) end,
    passed = function(...)
      h.values({ true }, ...)
      h.equal(1, ch:count())
      local ok, one, two, three, four = ch:receive(0)
      h.values({ true, 1, "two", 3.5 }, ok, one, two, three)
      h.equal(nil, four)
    end,
    failed = function() h.equal(0, ch:count()) end,
  }
end)

add("send, everything that travels", function(h)
  local ch = require "llthreads2.channel".new()
  local cargo = table.pack(h.cargo(ch))
  return {
    run = function() return ch:send(table.unpack(cargo, 1, cargo.n)) end,
    passed = function(...)
      h.values({ true }, ...)
      h.check_cargo(ch, select(2, ch:receive(0)))
    end,
    failed = function()
      h.equal(0, ch:count())
      h.check_cargo(ch, table.unpack(cargo, 1, cargo.n))
    end,
    after = function() cargo = nil end,
  }
end)

add("send, many channels in one message", function(h)
  local channel = require "llthreads2.channel"
  local ch, list = channel.new(), {}
  for i = 1, 200 do list[i] = channel.new() end
  return {
    run = function() return ch:send(list) end,
    passed = function(...)
      h.values({ true }, ...)
      local _, got = ch:receive(0)
      for i = 1, 200 do h.equal(list[i], got[i]) end
    end,
    failed = function() h.equal(0, ch:count()) end,
  }
end)

add("send refuses", function(h)
  local ch = require "llthreads2.channel".new()
  local deep = {}
  for _ = 1, 101 do deep = { deep } end
  local bad = { jobs = { 1, { callback = h.collect } }, ch, ("x"):rep(5000) }
  return {
    run = function()
      local _, one = pcall(ch.send, ch, ch, bad)
      local _, two = pcall(ch.try_send, ch, deep)
      local _, three = pcall(ch.timed_send, ch, 0, io.stdout)
      return one, two, three
    end,
    passed = function(...)
      h.equal(0, ch:count())
      local texts = {
        "bad argument #3 to 'send' (at .jobs[2].callback: Lua function cannot "
          .. "be sent)",
        "Hit maximum copy depth (101 > 100).",
        "bad argument #3 to 'timed_send' (userdata cannot be sent)",
      }
      h.texts(texts, ...)
    end,
    after = function() bad = nil end,
  }
end)

add("try_send and timed_send", function(h)
  local ch = require "llthreads2.channel".new(2)
  return {
    before = function() ch:clear() end,
    run = function()
      local one, two = ch:try_send(1), ch:timed_send(10, 2)
      local _, full = ch:try_send(3)
      local _, timeout = ch:timed_send(0.1, 4)
      return one, two, full, timeout
    end,
    passed = function(...)
      h.values({ true, true, "full", "timeout" }, ...)
      h.values({ true, 1 }, ch:receive(0))
      h.values({ true, 2 }, ch:receive(0))
      h.equal(0, ch:count())
    end,
    failed = function()
      for i = 1, ch:count() do h.values({ true, i }, ch:receive(0)) end
      h.equal("timeout", select(2, ch:receive(0)))
    end,
  }
end)

add("send on a closed channel", function(h)
  local ch = require "llthreads2.channel".new()
  local long = ("x"):rep(3000)
  ch:close()
  return {
    run = function() return select(2, ch:send(ch, long)) end,
    passed = function(...)
      h.values({ "closed" }, ...)
      h.equal(0, ch:count())
    end,
    failed = function() h.equal(0, ch:count()) end,
  }
end)

-- ---- receive ----

-- A scenario whose run takes, or looks at, the first of two messages.
local function taking(take, keeps)
  return load(("local TAKE, KEEPS = %q, %s\n"):format(
    string.dump(take), tostring(keeps)) .. [[
    local h = ...
    local channel = require "llthreads2.channel"
    local take = load(TAKE)
    local ch = channel.new(2)
    local run
    return {
      before = function()
        ch:clear()
        assert(ch:try_send(h.cargo(ch)) and ch:try_send "last")
        run = take(ch, channel)
      end,
      run = function() return run() end,
      passed = function(...)
        h.check_cargo(ch, ...)
        h.equal(KEEPS and 2 or 1, ch:count())
        if KEEPS then h.check_cargo(ch, select(2, ch:receive(0))) end
        h.values({ true, "last" }, ch:receive(0))
      end,
      failed = function()
        h.equal(2, ch:count())
        h.values({ "full" }, select(2, ch:try_send "no room"))
        h.check_cargo(ch, select(2, ch:receive(0)))
        h.values({ true, "last" }, ch:receive(0))
      end,
      after = function() ch:clear() ch, run = nil, nil end,
    }]])
end

add("receive", taking(function(ch)
  return function() return select(2, ch:receive()) end
end))
add("receive with a timeout", { stride = 3 }, taking(function(ch)
  return function() return select(2, ch:receive(100)) end
end))
add("receive without waiting", { stride = 3 }, taking(function(ch)
  return function() return select(2, ch:receive(0)) end
end))
add("messages", { stride = 3 }, taking(function(ch)
  return function() return ch:messages()() end
end))
add("peek", { stride = 3 }, taking(function(ch)
  return function() return select(2, ch:peek()) end
end, true))
add("select", { stride = 3 }, taking(function(ch, channel)
  local list = { channel.new(), ch, channel.new() }
  return function() return select(3, channel.select(list, 100)) end
end))

add("receive, nothing there", function(h)
  local channel = require "llthreads2.channel"
  local ch, closed = channel.new(), channel.new()
  closed:close()
  return {
    run = function()
      local _, one = ch:receive(0)
      local _, two = ch:receive(0.1)
      local _, three = ch:peek()
      local _, four = closed:receive()
      return one, two, three, four, (closed:messages()())
    end,
    passed = function(...)
      local one, two, three, four, five = ...
      h.values({ "timeout", "timeout", "timeout", "closed" }, one, two, three,
        four)
      h.equal(nil, five)
    end,
  }
end)

add("select, nothing there", function(h)
  local channel = require "llthreads2.channel"
  local list, closed = {}, channel.new()
  for i = 1, 30 do list[i] = channel.new() end
  closed:close()
  return {
    run = function()
      local _, one = channel.select(list, 0)
      local _, two = channel.select(list, 0.1)
      local _, three = channel.select({}, 0)
      local ch, _, four = channel.select { list[1], closed }
      return one, two, three, ch, four
    end,
    passed = function(...)
      h.values({ "timeout", "timeout", "timeout", closed, "closed" }, ...)
    end,
  }
end)

add("select, a message comes", { sides = { "parent", "child" }, gated = true },
  function(h)
    local channel = require "llthreads2.channel"
    local llthreads = require "llthreads2"
    local one, two, go
    local thread, list
    -- Until the message is there, or the child has failed.
    local function wait()
      local alive = thread:alive()
      local ch, ok, value = channel.select(list, alive and 10 or 0)
      if ch or not alive then return ch, ok, value end
      return wait()
    end
    return {
      before = function()
        one, two, go = channel.new(), channel.new(), channel.new()
        thread = llthreads.new([[
          local two, go, here = ...
          go:receive()
          here()
          two:send { "a message" }
          return true]], two, go, h.here)
        thread:start()
        list = { one, two }
      end,
      run = function()
        go:send()
        return wait()
      end,
      passed = function(ch, ok, value)
        if ch then
          h.values({ two, true, "a message" }, ch, ok, value[1])
        else
          h.equal("timeout", ok)
        end
        -- The memory may also have run out after the message was sent.
        local good, problem = thread:join()
        assert(good and ch
          or problem:find "^Error from child thread: not enough memory",
          problem)
      end,
      failed = function()
        go:send()
        h.values({ true, true }, thread:join())
        h.equal("a message", select(2, two:receive(0))[1])
      end,
      reports = function() end,
      after = function()
        one, two, go, thread, list = nil, nil, nil, nil, nil
      end,
    }
  end)

-- ---- new ----

add("new", function(h)
  local llthreads = require "llthreads2"
  return {
    run = function() return llthreads.new "return 1" end,
    passed = function(thread)
      h.equal("new", h.state(thread))
      h.values({ true, 1 }, thread:start():join())
    end,
  }
end)

add("new with everything that travels", function(h)
  local llthreads = require "llthreads2"
  local ch = require "llthreads2.channel".new()
  local cargo = table.pack(h.cargo(ch))
  return {
    run = function()
      return llthreads.new("return ...", table.unpack(cargo, 1, cargo.n))
    end,
    passed = function(thread)
      h.check_cargo(ch, select(2, thread:start():join()))
    end,
    after = function() cargo = nil end,
  }
end)

add("new refuses", function(h)
  local llthreads = require "llthreads2"
  local deep = {}
  for _ = 1, 101 do deep = { deep } end
  local long = ("x"):rep(100000)
  return {
    run = function()
      local _, one = pcall(llthreads.new, "}", long)
      local _, two = pcall(llthreads.new, "", long, { 1, { f = h.collect } })
      local _, three = pcall(llthreads.new, "", deep)
      local _, four = pcall(llthreads.new)
      return one, two, three, four
    end,
    passed = function(...)
      local texts = {
        "[string \"}\"]:1: unexpected symbol near '}'",
        "bad argument #3 to 'new' (at [2].f: Lua function cannot be sent)",
        "Hit maximum copy depth (101 > 100).",
        "bad argument #1 to 'new' (string expected, got no value)",
      }
      h.texts(texts, ...)
    end,
  }
end)

-- ---- start ----

-- With these flags. `joins` is what the first two results of join are.
local function starting(flags, joins)
  return load("local FLAGS, JOINS = " .. flags .. ", " .. joins .. [[

    local h = ...
    local llthreads = require "llthreads2"
    local channel = require "llthreads2.channel"
    local ch, thread
    local function check_run(lent, length)
      h.equal(100000, #lent)
      h.equal(100000, length)
    end
    return {
      before = function()
        ch = channel.new()
        thread = llthreads.new("local ch, s = ...; ch:send(s, #s); return 7",
          ch, ("x"):rep(100000))
      end,
      run = function()
        return h.must(thread:start(table.unpack(FLAGS, 1, FLAGS.n)))
      end,
      passed = function(same)
        h.equal(thread, same)
        h.equal(true, thread:started())
        check_run(select(2, ch:receive(5000)))
        h.values(JOINS, thread:join())
        h.settle()
      end,
      failed = function()
        h.equal("new", h.state(thread))
        h.values({ false, false, false }, thread:started(), thread:detached(),
          thread:joinable())
        h.equal(nil, (thread:alive()))
        h.equal(nil, (thread:join(0)))
        h.equal(0, ch:count())
        -- It can be started later, with any flags.
        h.equal(thread, thread:start())
        check_run(select(2, ch:receive(5000)))
        h.values({ true, 7 }, thread:join())
      end,
      after = function() ch, thread = nil, nil end,
      texts = { "^Cannot allocate memory$",
        "^Resource temporarily unavailable$" },
    }]])
end

add("start", starting("{ n = 0 }", "{ true, 7 }"))
add("start(false, false)", starting("{ n = 2, false, false }", "{ true, 0 }"))
add("start(true, true)", starting("{ n = 2, true, true }", "{ true, 0 }"))
add("start(true)", starting("{ n = 1, true }",
  "{ n = 2 }"))

-- ---- join and questions ----

-- The results of the code, which the parent joins, or fails to.
local function joining(code, check)
  return load(("local CODE, CHECK = %q, %q\n"):format(code,
    string.dump(check)) .. [[
    local h = ...
    local llthreads = require "llthreads2"
    local ch = require "llthreads2.channel".new()
    local check = load(CHECK)
    local thread
    return {
      before = function()
        thread = llthreads.new(CODE, h.cargo(ch))
        thread:start()
        h.eventually(function() return not thread:alive() end)
      end,
      run = function() return thread:join() end,
      passed = function(...)
        check(h, ch, ...)
        h.equal("joined", h.state(thread))
      end,
      failed = function()
        h.equal("finished", h.state(thread))
        h.equal(false, thread:alive())
        check(h, ch, thread:join())
      end,
      reports = function() end,
      after = function() thread = nil end,
    }]])
end

add("join", joining("return 1", function(h, _, ...)
  h.values({ true, 1 }, ...)
end))
add("join, everything that travels", joining("return ...",
  function(h, ch, ok, ...)
    h.equal(true, ok)
    h.check_cargo(ch, ...)
  end))
add("join, many values", joining("return table.unpack({}, 1, 5000)",
  function(h, _, ...)
    h.equal(5001, select("#", ...))
  end))
add("join, an error", joining(
  "require('llthreads2').set_logger(function() end) error('told')",
  function(h, _, ok, text)
    h.equal(false, ok)
    assert(text:find "^Error from child thread: .*told\nstack traceback", text)
  end))

add("join with a timeout, of a thread that waits", function(h)
  local llthreads = require "llthreads2"
  local channel = require "llthreads2.channel"
  local ch, thread
  return {
    before = function()
      ch = channel.new()
      thread = llthreads.new("return (...):receive()", ch)
      thread:start()
    end,
    run = function()
      local _, one = thread:join(0)
      local _, two = thread:join(0.1)
      return one, two, thread:alive(), thread:started(), thread:detached(),
        thread:joinable(), tostring(thread)
    end,
    passed = function(one, two, alive, started, detached, joinable, text)
      h.values({ "timeout", "timeout", true, true, false, true }, one, two,
        alive, started, detached, joinable)
      assert(text:find "^llthread: 0x%x+ %(running%)$", text)
      ch:send "go"
      h.values({ true, true, "go" }, thread:join())
    end,
    failed = function()
      ch:send "go"
      h.values({ true, true, "go" }, thread:join())
    end,
    after = function() ch, thread = nil, nil end,
  }
end)

add("join, alive: what cannot be", function(h)
  local llthreads = require "llthreads2"
  local new, joined
  return {
    before = function()
      new, joined = llthreads.new "", llthreads.new ""
      joined:start():join()
    end,
    run = function()
      local _, one = new:join()
      local _, two = new:alive()
      local _, three = joined:join()
      local _, four = joined:start()
      local _, five = pcall(new.join, new, 0 / 0)
      local _, six = pcall(new.join, "x")
      new:interrupt()
      new:interrupt(false)
      return one, two, three, four, five, six
    end,
    passed = function(...)
      local texts = {
        "Can't join a thread that hasn't be started.",
        "Can't join a thread that hasn't be started.",
        "Can't join a thread that has already been joined.",
        "Thread already started.",
        "bad argument #2 to 'join' (timeout in milliseconds expected, got NaN)",
        "bad argument #1 to 'join' (llthread expected, got string)",
      }
      h.texts(texts, ...)
    end,
    after = function() new, joined = nil, nil end,
  }
end)

add("interrupt", { sides = { "parent", "child" }, gated = true }, function(h)
  local llthreads = require "llthreads2"
  local channel = require "llthreads2.channel"
  local go, armed, thread
  return {
    before = function()
      go, armed = channel.new(), channel.new()
      thread = llthreads.new([[
        local go, armed, here = ...
        local never = require "llthreads2.channel".new()
        go:receive()
        here()
        armed:close() -- which needs no memory
        never:receive()]], go, armed, h.here)
      thread:start()
    end,
    run = function()
      go:send()
      h.eventually(function() return armed:closed() or not thread:alive() end)
      thread:interrupt()
      return thread:join()
    end,
    passed = function(ok, text)
      h.equal(false, ok)
      assert(text:find "thread was interrupted"
        or text == "Error from child thread: not enough memory", text)
    end,
    failed = function()
      thread:interrupt(true)
      h.equal(false, (thread:join()))
    end,
    reports = function(text)
      assert(text == "" or text:find "^Error from thread: [^\n]*was interrupted"
        or text == "Error from thread: not enough memory\n", text)
    end,
    after = function() go, armed, thread = nil, nil, nil end,
  }
end)

-- Without any memory Lua cannot call a finaliser, and does not try it again.
add("collecting threads and channels", { modes = { "once" } }, function(h)
  local llthreads = require "llthreads2"
  local channel = require "llthreads2.channel"
  local threads, channels
  return {
    before = function()
      threads, channels = {}, {}
      for i = 1, 4 do
        channels[i] = channel.new { name = "collected " .. i }
        channels[i]:send(channels[i], ("x"):rep(70000))
        threads[i] = llthreads.new("return ...", channels[i], ("x"):rep(70000))
      end
      threads[2]:start()
      threads[3]:start(true, true)
      threads[4]:start(false, false)
    end,
    run = function()
      for i = 1, 4 do channels[i]:clear() end
      threads, channels = nil, nil
      collectgarbage()
      collectgarbage()
    end,
    passed = function()
      h.collect()
      h.settle()
      h.collect()
      for i = 1, 4 do h.equal(nil, (channel.get("collected " .. i))) end
    end,
  }
end)

-- ---- what a child does ----

local WHOLE = [[
  local h = ...
  local llthreads = require "llthreads2"
  local ch = require "llthreads2.channel".new()
  local cargo = table.pack(h.cargo(ch))
  return {
    before = function() ch:clear() end,
    run = function()
      local thread = llthreads.new("return select('#', ...), ...",
        table.unpack(cargo, 1, cargo.n))
      h.must(thread:start(table.unpack(FLAGS)))
      return h.joined(thread:join())
    end,
    passed = function(...)
      if JOINS then
        h.equal(12, (...))
        h.check_cargo(ch, select(2, ...))
      else
        h.values({ 0 }, ...)
      end
    end,
    failed = h.settle,
    reports = function(text, problem)
      local nothing = "Error from thread: not enough memory\n"
      if JOINS then
        local told = problem and problem:find "^Error from child thread: "
        h.equal(told and nothing or "", text, "the report")
      elseif text ~= "" then
        h.equal(nothing, text, "the report")
      end
    end,
    texts = { "^Cannot allocate memory$",
      "^Resource temporarily unavailable$" },
  }]]

add("the whole life of a thread", with(CHILD),
  load("local FLAGS, JOINS = {}, true " .. WHOLE))
add("the whole life of a thread that keeps to itself",
  with(CHILD, { stride = 5 }),
  load("local FLAGS, JOINS = { false, false }, false " .. WHOLE))
add("new, start and join", with(PARENT),
  load("local FLAGS, JOINS = {}, true " .. WHOLE))

-- A child runs the code, in which `here()` marks from where on calls fail and
-- `...` is a channel. `check` gets what join returns if it is no lack of
-- memory, and the channel.
local function running(code, check, loose)
  return load(("local CODE, CHECK, LOOSE = %q, %q, %s\n"):format(
    "local here, ch = ...; " .. code, string.dump(check), tostring(loose)) .. [[
    local h = ...
    local llthreads = require "llthreads2"
    local channel = require "llthreads2.channel"
    local check = load(CHECK)
    local ch, result
    return {
      before = function()
        -- A channel in its own queue is never collected.
        if ch then ch:clear() end
        result = nil
        h.collect()
        ch = channel.new()
        ch:send(h.cargo(ch))
        ch:send "last"
      end,
      run = function()
        local thread = llthreads.new(CODE, h.here, ch)
        h.must(thread:start())
        return thread:join()
      end,
      passed = function(ok, ...)
        h.settle()
        result = table.pack(ok, ...)
        -- Before 5.4 a lack of memory that is raised again is an error like
        -- any other, with a traceback.
        if ok or not (...):find "^Error from child thread: not enough memory"
        then
          check(h, ch, ok, ...)
        end
      end,
      -- The report is what join tells, or more, if there was no memory for
      -- telling it.
      reports = function(text, problem, was_hit)
        h.equal(nil, problem)
        if LOOSE and was_hit then return end
        local told = not result[1] and result[2]:match
          "^Error from child thread: (.*)$"
        if told and told:find "^not enough memory" and was_hit then
          assert(text:find "^Error from thread: .", "no report of: " .. told)
        else
          h.equal(told and "Error from thread: " .. told .. "\n" or "", text,
            "the report")
        end
      end,
      after = function()
        ch:clear()
        ch, result = nil, nil
      end,
    }]])
end

add("a child's results", with(CODE), running(
  "ch = table.pack(ch:receive()) here() return table.unpack(ch, 2, ch.n)",
  function(h, ch, ok, ...)
    h.equal(true, ok)
    h.check_cargo(ch, ...)
  end))

add("a child's results that cannot travel", with(CODE), running([[
  local function f() end
  local g = io.lines("/dev/null")
  local good = ("x"):gmatch("x")
  for i = 1, 3 do debug.setupvalue(good, i, i) end
  here()
  return f, io.stdout, coroutine.create(f), { 1, { f = f } }, g, good]],
  function(h, _, ok, f, file, co, deep, g, good)
    h.equal(true, ok)
    local prefix = "^Un%-supported value: "
    assert(f:find(prefix .. "function: 0x%x+$"))
    assert(file:find(prefix .. "userdata: 0x%x+$"))
    assert(co:find(prefix .. "thread: 0x%x+$"))
    assert(g:find(prefix .. "function: 0x%x+$"))
    h.equal(f, deep[2].f)
    h.equal("function", type(good))
  end))

add("a child's results that are too deep", with(CODE), running([[
  local t = {}
  for _ = 1, 101 do t = { t } end
  here()
  return t]],
  function(h, _, ...)
    h.values({ false,
      "Error from child thread: Hit maximum copy depth (101 > 100)." }, ...)
  end))

add("a child's error", with(CODE), running("here() error('told')",
  function(h, _, ok, text)
    h.equal(false, ok)
    assert(text:find "^Error from child thread: .*told\nstack traceback", text)
  end))

add("a child's error objects", with(CODE), running([[
  here()
  error(setmetatable({}, { __tostring = function(t)
    return "text " .. type(t)
  end }))]],
  function(h, _, ok, text)
    h.equal(false, ok)
    h.equal("Error from child thread: ", text:sub(1, 25))
    if text:sub(26) ~= "(no error message)" then
      h.equal("text table", text:sub(26))
    end
  end))

-- Where the logger cannot be called, the report goes to stderr.
add("a child's logger", with(CODE), function(h)
  local llthreads = require "llthreads2"
  local channel = require "llthreads2.channel"
  local ch, called, result
  return {
    before = function() ch, called = channel.new(), channel.new() end,
    run = function()
      -- Closing a channel needs no memory.
      local thread = llthreads.new([[
        local here, ch, called = ...
        require "llthreads2".set_logger(function(text)
          called:close()
          ch:send(text)
        end)
        here()
        error("told", 0)]], h.here, ch, called)
      thread:start()
      return thread:join()
    end,
    passed = function(...) result = table.pack(...) end,
    reports = function(text, _, was_hit)
      local told = result[2]:match "^Error from child thread: (.*)$"
      assert(told:find "^told\nstack traceback" or told == "not enough memory",
        result[2])
      h.equal(false, result[1])
      local logged = select(2, ch:receive(0))
      if logged ~= "timeout" then
        h.equal("", text)
        -- There may have been memory for the one, and none for the other.
        if told ~= "not enough memory" then
          h.equal("Error from thread: " .. told, logged)
        end
      else
        -- The logger had no memory, or there was none for calling it.
        assert(text:find "^Error from thread: ." and was_hit, "no report")
        assert(told == "not enough memory"
          or text == "Error from thread: " .. told .. "\n", text)
      end
    end,
    after = function() ch, called, result = nil, nil, nil end,
  }
end)

add("a child that receives and sends", with(CODE), running([[
  here()
  local message = table.pack(ch:receive())
  return ch:send(table.unpack(message, 2, message.n))]],
  function(h, ch, ok)
    h.equal(true, ok)
    h.equal(2, ch:count())
    h.values({ true, "last" }, ch:receive(0))
    h.check_cargo(ch, select(2, ch:receive(0)))
  end))

add("a child whose send fails has sent nothing", with(CODE), running([[
  local message = table.pack(ch:receive())
  here()
  local ok, problem = pcall(ch.send, ch, table.unpack(message, 2, message.n))
  return ok, problem, ch:count()]],
  function(h, _, ok, sent, problem, count)
    h.equal(true, ok)
    if sent then
      h.values({ true, 2 }, problem, count)
    else
      h.values({ "not enough memory", 1 }, problem, count)
    end
  end))

add("a child whose receive fails has taken nothing", with(CODE), running([[
  here()
  local ok, problem = pcall(ch.receive, ch)
  return ok, problem, ch:count()]],
  function(h, ch, ok, received, problem, count)
    h.equal(true, ok)
    if received then
      h.values({ true, 1 }, problem, count)
    else
      h.values({ "not enough memory", 2 }, problem, count)
      h.check_cargo(ch, select(2, ch:receive(0)))
    end
    h.values({ true, "last" }, ch:receive(0))
  end))

add("a child's child", with(CODE, { stride = 3 }), running([[
  local llthreads = require "llthreads2"
  here()
  local thread = llthreads.new("return ...", ch, 5)
  local started, problem = thread:start()
  if not started then error(problem, 0) end
  local ok, same, five = thread:join()
  if not ok then error(same, 0) end
  return same, five]],
  function(h, ch, ok, same, five)
    if ok then
      h.values({ ch, 5 }, same, five)
    else
      assert(same:find "not enough memory"
        or same:find "Cannot allocate memory"
        or same:find "Resource temporarily unavailable", same)
    end
  end, true))

add("a child that makes channels and selects", with(CODE), running([[
  local channel = require "llthreads2.channel"
  here()
  collectgarbage()
  local one = channel.new { name = "one", capacity = 2 }
  local _, why = channel.select({ one, channel.new() }, 0.1)
  assert(why == "timeout")
  return one, channel.get "one", tostring(one)]],
  function(h, _, ok, one, same, text)
    if not ok then error(one, 0) end
    h.equal(one, same)
    assert(text:find "^channel %(one%)")
  end))

-- ---- ex ----

add("ex.new", function(h)
  local ex = require "llthreads2.ex"
  local function code(...) return select("#", ...), ... end
  return {
    run = function()
      return ex.new(code, 1, { 2 }),
        ex.new({ code, prelude = code, lua_init = "x = 1" }, nil),
        ex.new("return ...", "string")
    end,
    passed = function(one, two, three)
      h.values({ true, 2, 1 }, select(1, one:start():join()), 2, 1)
      h.values({ true, 2, 1 }, two:start():join(), 2, 1)
      h.values({ true, "string" }, three:start():join())
    end,
    -- LuaJIT says no more when it has no memory.
    texts = { "unable to dump given function$" },
  }
end)

add("ex.new refuses", function(h)
  local ex = require "llthreads2.ex"
  return {
    run = function()
      local _, one = pcall(ex.new)
      local _, two = pcall(ex.new, { prelude = 5, "" })
      local _, three = pcall(ex.new, "", h.collect)
      return one, two, three
    end,
    passed = function(...)
      local texts = {
        "bad argument #1 to 'new' (function, string or options table expected, "
          .. "got nil)",
        "bad argument #1 to 'new' (option 'prelude': function or string "
          .. "expected, got number)",
        "bad argument #2 to 'new' (Lua function cannot be sent)",
      }
      h.texts(texts, ...)
    end,
  }
end)

add("ex: start, join and questions", function(h)
  local ex = require "llthreads2.ex"
  local thread
  return {
    before = function()
      thread = ex.new(function(...) return ... end, 1, { 2 })
    end,
    run = function()
      h.must(thread:start())
      local flags = { thread:started(), thread:detached(), thread:joinable() }
      thread:alive()
      thread:interrupt(false)
      return flags, thread:join()
    end,
    passed = function(flags, ok, one, two)
      h.values({ true, false, true }, table.unpack(flags))
      h.values({ true, 1, 2 }, ok, one, two[1])
    end,
    failed = function()
      if not thread:started() then thread:start() end
      local ok, one = thread:join()
      if ok then
        h.equal(1, one)
      else
        h.equal("Can't join a thread that has already been joined.", one)
      end
    end,
    after = function() thread = nil end,
    texts = { "^Cannot allocate memory$",
      "^Resource temporarily unavailable$" },
  }
end)

add("ex: the whole life of a thread", with(CHILD, { stride = 3 }), function(h)
  local ex = require "llthreads2.ex"
  return {
    run = function()
      local thread = ex.new({
        -- In 5.1 a function has an `arg` of its own.
        function(...) return _G.arg.n, _G.arg[1], ... end,
        prelude = function(a) return a, { a } end,
        lua_init = "INIT = 1",
      }, "argument")
      h.must(thread:start())
      return h.joined(thread:join())
    end,
    passed = function(n, first, one, two)
      h.values({ 2, "argument", "argument", "argument" }, n, first, one,
        two[1])
    end,
    failed = h.settle,
  }
end)

return scenarios
