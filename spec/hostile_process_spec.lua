-- SPDX-License-Identifier: MIT
-- Processes that fork and get signals while threads are at work, and functions
-- of modules that only some of their states have loaded.

local hostile = require "spec.support.hostile"
local proc = require "spec.support.proc"

local gives_silently = hostile.gives_silently

describe("a process that forks", function()
  local function forks(out, text)
    if proc.sanitizer() then
      pending("a sanitizer's own locks are lost in a fork")
    end
    gives_silently(out, 0, text)
  end

  it("has a child with threads and channels of its own", function()
    forks("true\t1\ntrue\t2\n3\ntrue\tfrom the parent\n", [[
      local ch = channel.new { name = "inherited" }
      local thread = new("return (...):receive()", ch):start()
      local unstarted = new("return 2")
      local pid = native.fork()
      if pid == 0 then
        native.alarm(20)
        print(new("return 1"):start():join())
        print(unstarted:start():join())
        local own = channel.new(1)
        local waiting = new("return (...):receive()", own):start()
        own:send(channel.get("inherited"))
        assert(select(3, waiting:join()) == ch)
        os.exit(3, true)
      end
      print(native.wait(pid))
      ch:send("from the parent")
      print(select(3, thread:join()) and true, "from the parent")]])
  end)

  it("has a child that knows which threads it has left behind", function()
    forks("4\ntrue\ttrue\n", [[
      local text = "Can't join a thread that a fork has left behind."
      local ch = channel.new()
      local thread = new("return (...):receive()", ch):start()
      local timed = new("return (...):receive()", ch):start(true, true)
      local finished = new("return 'result'"):start()
      while finished:alive() do new(""):start():join() end
      local pid = native.fork()
      if pid == 0 then
        native.alarm(20)
        for _, each in ipairs { thread, timed } do
          for _, wait in ipairs { 0, 10, math.huge } do
            assert(select(2, each:join(wait)) == text)
          end
          assert(select(2, each:alive()) == text)
          each:interrupt(true)
          assert(each:started() and tostring(each))
        end
        assert(select(2, finished:join()) == "result")
        thread, timed, finished, each = nil, nil, nil, nil
        collectgarbage()
        collectgarbage()
        for _ = 1, 50 do new(""):start():join() end
        os.exit(4, true)
      end
      print(native.wait(pid))
      ch:send() ch:send()
      print(thread:join(), (timed:join()))]])
  end)

  it("may fork in a thread, and run another program", function()
    forks("forked\ntrue\t5\ntrue\t0\ntrue\n", [[
      local ch = channel.new()
      local sister = new("return (...):receive()", ch):start()
      print(new([=[
        local native = require "hostile_native"
        local pid = native.fork()
        if pid == 0 then
          native.alarm(20)
          local new = require("llthreads2").new
          print(select(2, new("return 'forked'"):start():join()))
          os.exit(5)
        end
        return native.wait(pid)]=]):start():join())
      print(new([=[
        local native = require "hostile_native"
        local pid = native.fork()
        if pid == 0 then native.exec("true") end
        return native.wait(pid)]=]):start():join())
      ch:send()
      print((sister:join()))]])
  end)

  it("may do so at any moment", function()
    forks("fine\n", [[
      local stop = channel.new()
      local busy = {}
      for i = 1, 3 do
        busy[i] = new([=[
          local stop = ...
          local new = require("llthreads2").new
          local channel = require "llthreads2.channel"
          local number = 0
          while not stop:closed() do
            local threads = {}
            for i = 1, 4 do
              threads[i] = new("require('llthreads2.channel').new(1):send(1)")
                :start()
              for _ = 1, 50 do
                number = number + 1
                channel.new { name = tostring(channel) .. number }
              end
            end
            for i = 1, 4 do threads[i]:join() end
          end]=], stop):start()
      end
      for _ = 1, 30 do
        local pid = native.fork()
        if pid == 0 then
          native.alarm(20)
          local ch = channel.new { name = "of a child" }
          assert(new("(...):send(1)", ch):start():join())
          os.exit(ch:receive() and 0 or 1)
        end
        local code = native.wait(pid)
        if code ~= 0 then print("code " .. code) break end
      end
      stop:close()
      for i = 1, 3 do assert(busy[i]:join()) end
      print("fine")]])
  end)
end)

describe("signals that a host handles", function()
  it("without end neither shorten nor lengthen a wait", function()
    gives_silently("true\ntrue\ntrue\ntrue\n", 0, [[
      local socket = require "socket"
      native.catch("USR1")
      local empty, full = channel.new(), channel.new(1)
      full:send(1)
      local thread = new("(...):receive()", empty):start()
      for _, wait in ipairs {
        function() return empty:receive(150) end,
        function() return full:timed_send(150, 1) end,
        function() return channel.select({ empty, empty }, 150) end,
        function() return thread:join(150) end,
      } do
        local took
        local stormy = native.storm(function()
          local before = socket.gettime()
          assert(select(2, wait()) == "timeout")
          took = socket.gettime() - before
        end)
        print(stormy and took >= 0.1499 and took < 5)
      end
      native.storm(function()
        new("for _ = 1, 100000 do end (...):send()", empty):start()
        assert(thread:join())
      end)
      native.storm(function()
        for _ = 1, 300 do
          local other = new("(...):send(1)", empty):start()
          assert(empty:receive())
          assert(other:join())
        end
      end)]])
  end)

  it("in whatever thread lose no message", function()
    gives_silently("true\ttrue\n", 0, [[
      native.catch("ALRM")
      local to, back = channel.new(2), channel.new(2)
      local threads = {}
      for i = 1, 2 do
        threads[i] = new([=[
          local to, back = ...
          for i in to:messages() do back:send(i) end]=], to, back):start()
      end
      native.timer(1000)
      local sum, count = 0, 0
      local feeder = new([=[
        local to = ...
        for i = 1, 20000 do to:send(i) end
        to:close()]=], to):start()
      repeat
        local _, value = back:receive(20000)
        sum, count = sum + assert(value), count + 1
      until count == 20000
      for _, thread in ipairs(threads) do assert(thread:join()) end
      assert(feeder:join(20000))
      native.timer(0)
      print(sum == 20000 * 20001 / 2, native.caught() > 0)]])
  end)

  local SPIN = [[
    local ch = channel.new()
    local function interrupted()
      local thread = new([=[
        require("llthreads2").set_logger(function() end);
        (...):send()
        local limit = os.time() + 20
        while os.time() < limit do end]=], ch):start()
      assert(ch:receive(20000))
      thread:interrupt()
      local ok, message = thread:join(20000)
      return ok == false
        and message:find(llthreads.interrupted_error, 1, true) ~= nil
    end
  ]]

  it("may be the one of an interrupt, handled before", function()
    gives_silently("true\t1\ntrue\t2\n", 0, SPIN .. [[
      native.catch("URG")
      native.raise("URG")
      print(interrupted(), native.caught())
      native.raise("URG")
      print(interrupted(), native.caught())]])
  end)

  it("may be the one of an interrupt, blocked", function()
    gives_silently("true\ntrue\n", 0, "native.block('URG')" .. SPIN .. [[
      print(interrupted())
      native.block('USR1')
      print(interrupted())]])
  end)

  it("may be the one of an interrupt, taken away: waits still end", function()
    gives_silently("false\ttrue\n", 0, SPIN .. [[
      new(""):start():join()
      native.catch("URG")
      local thread = new([=[
        require("llthreads2").set_logger(function() end)
        local ch = ...
        ch:send()
        require("llthreads2.channel").new():receive()]=], ch):start()
      ch:receive()
      thread:interrupt()
      local ok, message = thread:join(20000)
      print(ok, message:find(llthreads.interrupted_error, 1, true) ~= nil)]])
  end)
end)

describe("a C function whose module nobody else has loaded", function()
  it("travels through a channel, and outlives its state", function()
    gives_silently("function\ttrue\n1\t2\n3\n", 0, [[
      package.loaded.hostile_native, native = nil, nil
      local ch = channel.new()
      new([=[
        local native = require "hostile_native"
        ch = ...
        ch:send(native.caught, { count = native.count })]=], ch):start():join()
      collectgarbage()
      local _, caught, t = ch:receive()
      print(type(caught), caught() == 0)
      print(t.count(), t.count())
      print(select(2, new("return (...).count()", t):start():join()))]])
  end)

  it("in a message that nobody receives does no harm", function()
    gives_silently("", 0, [[
      local ch = channel.new { name = "kept" }
      new([=[
        local native = require "hostile_native"
        local ch = ...
        for _ = 1, 10 do ch:send(native, native.count) end]=], ch):start()
        :join()
      ch:clear()
      new([=[
        local native = require "hostile_native"
        local ch = ...
        ch:send(native.count)]=], ch):start(true)]])
  end)
end)
