-- SPDX-License-Identifier: MIT
-- Threads that wait for a channel: what wakes them, what an interrupt does to
-- them, and what waiting costs, also those who do not wait.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local pack = lua.pack

describe("threads that wait", function()
  local select_one = [[
    local ok, reason = select(2,
      require("llthreads2.channel").select({ (...) }, %s))
    return ok, reason]]
  local RECEIVING = { "return (...):receive()", "return (...):receive(20000)",
    select_one:format("nil"), select_one:format("20000"),
    "for _ in (...):messages() do end return nil, 'closed'",
    "return coroutine.wrap(function(ch) return ch:receive() end)(...)" }
  local SENDING = { "return (...):send(2)", "return (...):timed_send(20000, 2)",
    "return (...):timed_send(nil, 2)" }

  -- A sender waits at a full channel, a receiver at an empty one.
  local function each_way(f)
    for _, code in ipairs(RECEIVING) do f(code, channel.new(1)) end
    for _, code in ipairs(SENDING) do
      local ch = channel.new(1)
      ch:send(1)
      f(code, ch)
    end
  end

  it("are all woken by close", function()
    each_way(function(code, ch)
      local threads = channels.sleepers(8, code, ch)
      ch:close()
      for _, thread in ipairs(threads) do
        assert.are.same(pack(nil, "closed"), channels.results(thread), code)
      end
    end)
  end)

  it("are woken as many as there are messages", function()
    for _, code in ipairs(RECEIVING) do
      local ch = channel.new()
      local threads = channels.sleepers(10, code, ch)
      for _ = 1, 3 do ch:send(nil) end
      assert.is_true(sync.eventually(function()
        return channels.ended(threads) == 3
      end), code)
      assert.are.equal(0, ch:count())
      ch:close()
      for _, thread in ipairs(threads) do channels.results(thread) end
    end
  end)

  it("are woken by an interrupt once, and can wait again", function()
    each_way(function(code, ch)
      local told, before = channel.new(), ch:count()
      local thread = channels.sleeper(([[
        local _, told = ...
        local code = (loadstring or load)(%q)
        told:send(pcall(code, ...))
        return pcall(code, ...)]]):format(code), ch, told)
      thread:interrupt()
      local _, ok, problem = told:receive(channels.PATIENCE)
      assert.is_false(ok, code)
      assert.is_truthy(problem:find(llthreads.interrupted_error, 1, true))
      assert.are.equal(before, ch:count())
      ch:close()
      assert.are.same(pack(true, nil, "closed"), channels.results(thread))
      assert.are.equal(before, ch:clear())
    end)
  end)

  local TAKING = { RECEIVING[1], RECEIVING[2],
    "return require('llthreads2.channel').select({ (...) })" }

  -- Starts a thread whose last call is that at the end of `code`. Its results
  -- go straight to `join`, but in some Luas there is still an instruction that
  -- returns them, where an interrupt can come. It stands on a line of its own.
  local function calling(code, ch)
    return channels.begun(1, ("return (loadstring or load)(%q, '=call')(...)")
      :format((code:gsub("%)$", "\n)"))), ch)[1]
  end

  -- True and the first value if the call has returned. If it was interrupted
  -- only then, `lost` stands for the value.
  local function interrupted_or(thread, lost)
    local ok, result, value, more = channels.join(thread)
    if channel.is(result) then result, value = value, more end
    if ok then return result, value end
    assert(result:find(llthreads.interrupted_error, 1, true), result)
    if result:find("call:2:", 1, true) then return true, lost end
  end

  local function in_any_order(f, g)
    if math.random(2) == 1 then f, g = g, f end
    f()
    for _ = 1, math.random(0, 1000) do math.abs(1) end
    g()
  end

  it("take the message or are interrupted, whichever comes first", function()
    channels.repeatedly(function()
      for i = 1, proc.scaled(150) do
        local ch = channel.new()
        local thread = calling(TAKING[math.random(#TAKING)], ch)
        in_any_order(function() ch:send(i) end,
          function() thread:interrupt() end)
        local ok, value = interrupted_or(thread, i)
        if not ok then ok, value = ch:receive(0) end
        assert.are.same({ true, i, 0 }, { ok, value, ch:count() })
      end
    end)
  end)

  it("send the message or are interrupted, whichever comes first", function()
    channels.repeatedly(function()
      for _ = 1, proc.scaled(150) do
        local ch = channel.new(1)
        ch:send(1)
        local thread = calling(SENDING[math.random(#SENDING)], ch)
        in_any_order(function() assert(ch:receive(0)) end,
          function() thread:interrupt() end)
        local sent = interrupted_or(thread)
        assert.are.equal(sent and 1 or 0, ch:count())
      end
    end)
  end)

  -- Two wait for one thing. It comes in the moment in which the one that has
  -- waited longer gives up; whichever of them it was meant for, one takes it.
  local function giving_up(ch, codes, come, disturb)
    local first = calling(codes[1], ch)
    local second = channels.sleeper(codes[2], ch)
    disturb(first, come)
    local taken = interrupted_or(first)
    if taken then come() end
    assert(channels.results(second)[1], "nobody was woken")
  end

  local DISTURBANCES = {
    interrupt = function(thread, come)
      in_any_order(come, function() thread:interrupt() end)
    end,
    timeout = function(_, come)
      -- About as long as the timeouts below.
      channel.new():receive(1.5 + math.random() * 2)
      come()
    end,
  }

  it("and give up leave what comes to those who do not", function()
    channels.repeatedly(function()
      for i = 1, proc.scaled(100) do
        for way, disturb in pairs(DISTURBANCES) do
          local timeout = way == "timeout" and "2.5" or "20000"
          local ch = channel.new(1)
          giving_up(ch, { "return (...):receive(" .. timeout .. ")",
            RECEIVING[i % 2 + 1] }, function() ch:send(i) end, disturb)
          assert(ch:try_send(i))
          giving_up(ch, { "return (...):timed_send(" .. timeout .. ", 2)",
            SENDING[i % 2 + 1] }, function() ch:receive(0) end, disturb)
        end
      end
    end)
  end)

  it("when the program ends do not disturb it", function()
    for _ = 1, proc.sanitizer() and 3 or 10 do
      assert.are.same({ "", "", 0 }, { proc.run [[
        local channel = require "llthreads2.channel"
        local code = [=[
          local ready, ch, method = ...
          ready:send()
          repeat until ch[method](ch) == nil]=]
        local ready = channel.new()
        for _, method in ipairs { "receive", "send", "peek" } do
          require("llthreads2").new(code, ready, channel.new(100), method)
            :start(true)
          ready:receive()
        end]] })
    end
  end)

  it("burn no processor time", function()
    local number = channels.STRESS and 1000 or 200
    local threads, empty, full = {}, channel.new(), channel.new(1)
    full:send(1)
    for i, code in ipairs { RECEIVING[1], RECEIVING[2], RECEIVING[4] } do
      threads[i] = channels.sleepers(number / 4, code, empty)
    end
    threads[4] = channels.sleepers(number / 4, SENDING[1], full)
    -- The interval is the measurement itself, and no condition is awaited.
    local wall, cpu = sync.now(), os.clock()
    channel.new():receive(500)
    cpu, wall = os.clock() - cpu, sync.now() - wall
    empty:close()
    full:close()
    for _, group in ipairs(threads) do
      for _, thread in ipairs(group) do channels.results(thread) end
    end
    assert.is_true(cpu < 0.1 * wall, ("%.3f s in %.3f s"):format(cpu, wall))
  end)
end)
