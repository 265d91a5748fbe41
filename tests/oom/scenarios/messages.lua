-- SPDX-License-Identifier: MIT
-- Sending and receiving.

local add = ...

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
