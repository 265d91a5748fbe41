-- SPDX-License-Identifier: MIT
-- Channels between threads: order, nothing lost and nothing doubled, bounds,
-- and threads that wait. LLTHREADS2_STRESS=seconds makes the larger tests
-- last so long each; LLTHREADS2_SEED repeats what a failure has printed.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- All results of a call, in a table that shows trailing nils.
local pack = table.pack

-- The largest number of senders or of receivers.
local MOST = 8

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
        for senders = 1, MOST do
          for receivers = 1, MOST do
            rush(senders, receivers, bound, number)
          end
        end
      end)
    end)
  end

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
    for _, list in ipairs(lists) do sum = sum + #list // 2 end
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
      from[i] = channels.start(RANDOM_SENDER, ch, i, math.random(1 << 30))
      to[i] = channels.start(RANDOM_RECEIVER, ch, math.random(1 << 30))
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
    for _, capacity in ipairs { 1, 5, 64 } do
      local ch, threads, taken = channel.new(capacity), {}, 0
      for i = 1, MOST do
        threads[i] = channels.start([[
          local ch, count = ..., 0
          while ch:try_send("x") do count = count + 1 end
          return count]], ch)
      end
      for i = 1, MOST do taken = taken + channels.results(threads[i])[1] end
      assert.are.same({ capacity, capacity }, { taken, ch:count() })
    end
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

describe("threads that wait", function()
  local select_one = [[
    local ok, reason = select(2,
      require("llthreads2.channel").select({ (...) }, %s))
    return ok, reason]]
  local RECEIVING = { "return (...):receive()", "return (...):receive(20000)",
    select_one:format("nil"), select_one:format("20000"),
    "for _ in (...):messages() do end return nil, 'closed'" }
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
        told:send(pcall(load(%q), ...))
        return pcall(load(%q), ...)]]):format(code, code), ch, told)
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

  -- The last call's results go straight to `join`: an interrupt cannot come
  -- between the return of the call and the place where they are kept.
  local function interrupted_or(thread)
    local ok, result, value, more = channels.join(thread)
    if channel.is(result) then result, value = value, more end
    if ok then return result, value end
    assert(result:find(llthreads.interrupted_error, 1, true), result)
  end

  local function in_any_order(f, g)
    if math.random(2) == 1 then f, g = g, f end
    f()
    for _ = 1, math.random(0, 1000) do math.abs(1) end
    g()
  end

  it("take the message or are interrupted, whichever comes first", function()
    channels.repeatedly(function()
      for i = 1, 150 do
        local ch = channel.new()
        local thread = channels.begun(1, TAKING[math.random(#TAKING)], ch)[1]
        in_any_order(function() ch:send(i) end,
          function() thread:interrupt() end)
        local ok, value = interrupted_or(thread)
        if not ok then ok, value = ch:receive(0) end
        assert.are.same({ true, i, 0 }, { ok, value, ch:count() })
      end
    end)
  end)

  it("send the message or are interrupted, whichever comes first", function()
    channels.repeatedly(function()
      for _ = 1, 150 do
        local ch = channel.new(1)
        ch:send(1)
        local thread = channels.begun(1, SENDING[math.random(#SENDING)], ch)[1]
        in_any_order(function() assert(ch:receive(0)) end,
          function() thread:interrupt() end)
        local sent = interrupted_or(thread)
        assert.are.equal(sent and 1 or 0, ch:count())
      end
    end)
  end)

  it("burn no processor time", function()
    local number = channels.STRESS and 1000 or 200
    local threads, empty, full = {}, channel.new(), channel.new(1)
    full:send(1)
    for i, code in ipairs { RECEIVING[1], RECEIVING[2], RECEIVING[4] } do
      threads[i] = channels.sleepers(number // 4, code, empty)
    end
    threads[4] = channels.sleepers(number // 4, SENDING[1], full)
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

  it("and messages give their memory back", function()
    if proc.is_sanitized() then
      pending("a sanitizer keeps freed memory, and finds leaks by itself")
    end
    local function use()
      for i = 1, 2000 do
        local ch = channel.new(i % 2 == 0 and 10 or nil)
        for k = 1, 10 do ch:send(k, ("x"):rep(500), { ch = channel.new() }) end
        for _ = 1, 5 do ch:receive(0) end
      end
      rush(2, 2, nil, 1000)
    end
    use()
    local before = channels.resident()
    for _ = 1, 4 do use() end
    assert.is_true(channels.resident() - before < 8 * 1024 * 1024)
  end)
end)
