-- SPDX-License-Identifier: MIT
-- Channels between threads: order, nothing lost and nothing doubled, bounds,
-- and threads that wait. LLTHREADS2_STRESS=seconds makes the larger tests
-- last so long each; LLTHREADS2_SEED repeats what a failure has printed.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- The numbers of senders and of receivers.
local NUMBERS = proc.sanitizer() and { 1, 3, 8 }
  or { 1, 2, 3, 4, 5, 6, 7, 8 }

local SENDER = [[
  local ch, id, count = ...
  for i = 1, count do
    local ok, problem = ch:send(id, i)
    if not ok then error(problem) end
  end]]

local RECEIVER = [[
  local seen = {}
  for id, i in (...):messages() do
    seen[#seen + 1], seen[#seen + 2] = id, i
  end
  return seen]]

-- Adds what one receiver has seen to `count`, the messages by sender. In what
-- it has seen, each sender's messages are in order.
local function tally(seen, count)
  local last = {}
  for k = 1, #seen, 2 do
    local id, i = seen[k], seen[k + 1]
    if i <= (last[id] or 0) then error("out of order, or doubled") end
    last[id] = i
    count[id] = count[id] or {}
    count[id][i] = (count[id][i] or 0) + 1
  end
end

-- Lets senders and receivers loose on one channel, and expects that each
-- message arrived once.
local function rush(senders, receivers, capacity, number)
  local ch, from, to, count = channel.new(capacity), {}, {}, {}
  for i = 1, receivers do to[i] = channels.start(RECEIVER, ch) end
  for i = 1, senders do from[i] = channels.start(SENDER, ch, i, number) end
  for i = 1, senders do channels.results(from[i]) end
  -- The close below would hide that a receiver has not been woken.
  assert(sync.eventually(function() return ch:count() == 0 end))
  ch:close()
  for i = 1, receivers do tally(channels.results(to[i])[1], count) end
  for id = 1, senders do
    for i = 1, number do
      assert((count[id] or {})[i] == 1, "lost or doubled")
    end
    assert(#count[id] == number)
  end
  assert(ch:count() == 0)
end

describe("messages between threads", function()
  for _, capacity in ipairs { 1, 7, 64, math.huge } do
    it("arrive once and in order, capacity " .. capacity, function()
      local number = channels.STRESS and 1000 or 20
      local bound = capacity < math.huge and capacity or nil
      channels.repeatedly(function()
        for _, senders in ipairs(NUMBERS) do
          for _, receivers in ipairs(NUMBERS) do
            rush(senders, receivers, bound, number)
          end
        end
      end)
    end)
  end

  it("are there for those who do not wait", function()
    -- Each takes one for each that it puts in: there is always one for it.
    local code = [[
      local ch, count, way = ...
      local select = require("llthreads2.channel").select
      for i = 1, count do
        ch:send(i)
        assert(ch:count() > 0)
        if way == "peek" then assert(ch:peek()) end
        if way == "select" then
          assert(select({ ch }, 0))
        else
          assert(ch:receive(0))
        end
      end]]
    channels.repeatedly(function()
      for _, way in ipairs { "receive", "peek", "select" } do
        local ch, threads = channel.new(), {}
        for i = 1, 4 do
          threads[i] = channels.start(code, ch, proc.scaled(10000), way)
        end
        for i = 1, 4 do channels.results(threads[i]) end
        assert.are.equal(0, ch:count())
      end
    end)
  end)

  it("come in the order in which the sends took effect", function()
    -- A baton goes round, so that each send follows the one before it.
    local ch, batons, threads = channel.new(), {}, {}
    for i = 1, 4 do batons[i] = channel.new() end
    for i = 1, 4 do
      threads[i] = channels.start([[
        local ch, mine, next = ...
        for number in mine:messages() do
          assert(ch:send(number))
          assert(next:send(number + 1))
        end]], ch, batons[i], batons[i % 4 + 1])
    end
    batons[1]:send(1)
    for i = 1, 400 do
      local ok, number = ch:receive(channels.PATIENCE)
      assert(ok and number == i, "out of order")
    end
    -- Whoever has the baton finds the next one's channel closed.
    for i = 1, 4 do batons[i]:close() end
    for i = 1, 4 do channels.join(threads[i]) end
  end)
end)

describe("at random", function()
  -- Sends until the channel is closed; returns which were acknowledged.
  local RANDOM_SENDER = [[
    local ch, id, seed = ...
    math.randomseed(seed)
    local taken, i = {}, 0
    local function attempt(...)
      local way = math.random(4)
      if way == 1 then return ch:send(...) end
      if way == 2 then return ch:try_send(...) end
      return ch:timed_send(math.random() * 2 * (way - 3), ...)
    end
    repeat
      i = i + 1
      local ok, reason = attempt(id, i)
      if ok then taken[#taken + 1], taken[#taken + 2] = id, i end
    until reason == "closed"
    return taken]]

  local RANDOM_RECEIVER = [[
    local ch, seed = ...
    math.randomseed(seed)
    local select = require("llthreads2.channel").select
    local seen = {}
    local function picked(ready, ...)
      if ready then return ... end
      return nil, ...
    end
    local function attempt()
      local way, timeout = math.random(4), math.random() * 2
      if way == 1 then return ch:receive() end
      if way == 2 then return ch:receive(0) end
      if way == 3 then return ch:receive(timeout) end
      return picked(select({ ch }, timeout))
    end
    local ok, id, i
    repeat
      ok, id, i = attempt()
      if ok then seen[#seen + 1], seen[#seen + 2] = id, i end
    until not ok and id == "closed"
    return seen]]

  local function total(lists)
    local sum = 0
    for _, list in ipairs(lists) do sum = sum + #list / 2 end
    return sum
  end

  -- All that each thread returns, as the first of its results.
  local function harvest(threads)
    local lists = {}
    for i, thread in ipairs(threads) do
      lists[i] = channels.results(thread)[1]
    end
    return lists
  end

  local function expect_subset(seen, taken)
    for id, numbers in pairs(seen) do
      for i, times in pairs(numbers) do
        assert(times == 1, "received twice")
        assert(taken[id] and taken[id][i], "received, but not acknowledged")
      end
    end
  end

  local function round(capacity, clears)
    local ch, from, to = channel.new(capacity), {}, {}
    for i = 1, math.random(4) do
      from[i] = channels.start(RANDOM_SENDER, ch, i, math.random(2 ^ 30))
      to[i] = channels.start(RANDOM_RECEIVER, ch, math.random(2 ^ 30))
    end
    local cleared = 0
    for _ = 1, clears do
      -- Nothing is sent to this one: just a while.
      channel.new():receive(math.random() * 3)
      cleared = cleared + ch:clear()
      assert(ch:count() <= ch:capacity(), "more messages than the bound")
    end
    ch:close()
    local taken, seen = harvest(from), harvest(to)
    local taken_by, seen_by = {}, {}
    for _, list in ipairs(taken) do tally(list, taken_by) end
    for _, list in ipairs(seen) do tally(list, seen_by) end
    expect_subset(seen_by, taken_by)
    assert.are.equal(total(taken), total(seen) + cleared + ch:clear())
  end

  for _, capacity in ipairs { 1, 3, 64 } do
    it("what was acknowledged is received or cleared, capacity " .. capacity,
      function()
        channels.repeatedly(function()
          for clears = 0, 20, 4 do round(capacity, clears) end
        end)
      end)
  end
end)

describe("a bound", function()
  it("holds against many senders", function()
    local code = [[
      local ch, count = ...
      local most, left = ch:capacity(), 0
      for i = 1, count do
        if ch:try_send(i) then left = left + 1 end
        if ch:count() > most then error("more messages than the bound") end
        if i % 3 > 0 and ch:receive(0) then left = left - 1 end
      end
      return left]]
    channels.repeatedly(function()
      for _, capacity in ipairs { 1, 2, 64 } do
        local ch, threads, left = channel.new(capacity), {}, 0
        for i = 1, 4 do
          threads[i] = channels.start(code, ch, proc.scaled(20000))
        end
        for i = 1, 4 do left = left + channels.results(threads[i])[1] end
        assert.are.equal(left, ch:count())
        while ch:try_send("x") do left = left + 1 end
        assert.are.same({ capacity, capacity }, { left, ch:clear() })
      end
    end)
  end)

  it("keeps the senders asleep that have no room", function()
    local ch = channel.new(4)
    for _ = 1, 4 do ch:send("first") end
    local threads = channels.sleepers(10, "return (...):send('late')", ch)
    local function expect_ended(number)
      assert.is_true(sync.eventually(function()
        return channels.ended(threads) == number
      end))
      assert.is_true(ch:count() <= 4)
    end
    assert.are.equal(0, channels.ended(threads))
    for i = 1, 3 do
      assert.are.same({ true, "first" }, { ch:receive(0) })
      expect_ended(i)
    end
    assert.are.equal(4, ch:clear())
    expect_ended(7)
    assert.are.equal(4, ch:clear())
    expect_ended(10)
    assert.are.equal(3, ch:clear())
  end)
end)

describe("many channels", function()
  it("work: 10,000 of them, and all of them in one message", function()
    local list = {}
    for i = 1, 10000 do list[i] = channel.new(i % 2 == 0 and i or nil) end
    local thread = channels.start([[
      local list = ...
      for i, ch in ipairs(list) do ch:send(i) end]], list)
    for i, ch in ipairs(list) do
      local ok, value = ch:receive(channels.PATIENCE)
      assert(ok and value == i)
    end
    channels.results(thread)
  end)
end)
