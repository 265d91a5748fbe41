-- SPDX-License-Identifier: MIT
-- What a parent does: making threads, starting, asking and joining them.

local add = ...

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
      texts = h.NO_THREAD,
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
