-- SPDX-License-Identifier: MIT
-- channel.select: what it returns, that it is fair, and many threads that
-- select from the same channels.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local pack = lua.pack

local function some(count)
  local list = {}
  for i = 1, count do list[i] = channel.new() end
  return list
end

describe("select", function()
  it("returns the channel that has a message, and the oldest one", function()
    local list = some(3)
    for i, ch in ipairs(list) do
      ch:send("message", i, nil, nil)
      ch:send()
      assert.are.same(pack(ch, true, "message", i, nil, nil),
        pack(channel.select(list)))
      assert.are.same(pack(ch, true), pack(channel.select(list, 0)))
      assert.are.equal(0, ch:count())
    end
  end)

  it("returns a channel that is closed and drained", function()
    local list = some(3)
    list[2]:send("last")
    list[2]:close()
    assert.are.same(pack(list[2], true, "last"), pack(channel.select(list)))
    for _, timeout in ipairs { 0, 10, -1, math.huge } do
      assert.are.same(pack(list[2], nil, "closed"),
        pack(channel.select(list, timeout)))
    end
    assert.are.same(pack(list[2], nil, "closed"), pack(channel.select(list)))
  end)

  it("says that nothing came in time", function()
    for _, count in ipairs { 1, 3 } do
      local list = some(count)
      for _, timeout in ipairs { 0, 0.5, 20.5 } do
        local seconds, results = sync.timed(channel.select, list, timeout)
        assert.are.same(pack(nil, "timeout"), results)
        assert.is_true(seconds >= timeout / 1000)
        assert.is_true(seconds < timeout / 1000 + 5)
      end
    end
  end)

  it("waits for any of its channels as long as it has to", function()
    for k, timeout in ipairs { "", ", nil", ", -1", ", math.huge", ", 1e300",
      ", 20000" } do
      local list = some(6)
      local thread = channels.sleeper([[
        local list = ...
        local ch, ok, value = require("llthreads2.channel").select(list]]
        .. timeout .. [[)
        return ch, ok, value]], list)
      list[k]:send("came")
      assert.are.same(pack(list[k], true, "came"), channels.results(thread))
    end
  end)

  it("makes room in a bounded channel", function()
    local ch = channel.new(1)
    ch:send(1)
    local thread = channels.sleeper("return (...):send(2)", ch)
    assert.are.same(pack(ch, true, 1), pack(channel.select({ ch }, 0)))
    assert.are.same(pack(true), channels.results(thread))
    assert.are.same(pack(ch, true, 2), pack(channel.select({ ch }, 0)))
  end)

  it("takes a channel that is listed more than once", function()
    local one, two = channel.new(), channel.new()
    local list = { one, two, one, one }
    for i = 1, 3 do one:send(i) end
    for i = 1, 3 do
      assert.are.same(pack(one, true, i), pack(channel.select(list)))
    end
    assert.are.same(pack(nil, "timeout"), pack(channel.select(list, 1)))
    local thread = channels.sleeper([[
      local _, ok, value = require("llthreads2.channel").select(...)
      return ok, value]], list)
    one:send("woken")
    one:send("kept")
    assert.are.same(pack(true, "woken"), channels.results(thread))
    assert.are.same(pack(one, true, "kept"), pack(channel.select(list, 0)))
    one:close()
    assert.are.same(pack(one, nil, "closed"), pack(channel.select(list, 0)))
  end)

  it("of nothing is a timeout, and without one an error", function()
    for _, timeout in ipairs { 0, 20 } do
      local seconds, results = sync.timed(channel.select, {}, timeout)
      assert.are.same(pack(nil, "timeout"), results)
      assert.is_true(seconds >= timeout / 1000)
    end
    local problem = outcome.problem(function()
      local _ = channel.select({})
    end)
    assert.is_truthy(problem:find("^bad argument #%d to 'select' %("))
    assert.is_false(pcall(channel.select, {}, nil))
  end)

  it("refuses what is not a list of channels, and says where", function()
    local ch = channel.new()
    ch:send("kept")
    local function refused(list)
      return outcome.problem(function() local _ = channel.select(list, 0) end)
    end
    for _, value in ipairs { 1, "text", io.stdout, print, true } do
      assert.is_truthy(refused(value):find(
        "^bad argument #1 to 'select' %(table expected, got "))
    end
    for _, value in ipairs { 1, "text", {}, io.stdout, print, true } do
      for place = 1, 3 do
        local list = { ch, ch, ch }
        list[place] = value
        local problem = refused(list)
        assert.is_truthy(problem:find("^bad argument #1 to 'select' %("))
        assert.is_truthy(problem:find("[" .. place .. "]", 1, true), problem)
        assert.is_truthy(problem:find("channel expected", 1, true), problem)
      end
    end
    assert.is_truthy(refused(ch):find("^bad argument #1 to 'select' %("))
    assert.are.same({ true, "kept" }, { ch:receive(0) })
  end)
end)

describe("select of a busy channel and a quiet one", function()
  -- How many messages come before all `few` of the quiet channel have come;
  -- `arrange` makes the list for each call.
  local function patience(few, arrange)
    local busy, quiet, count = channel.new(), channel.new(), 0
    for _ = 1, 1000 do busy:send("busy") end
    for _ = 1, few do quiet:send("quiet") end
    while quiet:count() > 0 and count < 1000 do
      local ch, ok = channel.select(arrange(busy, quiet), 0)
      assert(ch and ok)
      count = count + 1
    end
    return count
  end

  it("serves the quiet one, wherever it stands in the list", function()
    assert.is_true(patience(5, function(busy, quiet)
      return { busy, quiet }
    end) < 200)
    assert.is_true(patience(5, function(busy, quiet)
      return { quiet, busy }
    end) < 200)
    local kept
    assert.is_true(patience(5, function(busy, quiet)
      kept = kept or { busy, busy, busy, quiet, busy }
      return kept
    end) < 400)
  end)

  it("serves the quiet one also if other lists are selected from in turn",
    function()
      for lists = 1, 4 do
        for size = 1, 4 do
          local others = some(size)
          assert.is_true(patience(5, function(busy, quiet)
            for _ = 1, lists do channel.select(others, 0) end
            return { busy, quiet }
          end) < 200, lists .. " lists of " .. size)
        end
      end
    end)

  it("serves the busy one also when the other is closed", function()
    local busy, closed = channel.new(), channel.new()
    for _ = 1, 20 do busy:send("busy") end
    closed:close()
    for _ = 1, 500 do
      channel.select({ closed, busy }, 0)
      channel.select({ busy, closed }, 0)
    end
    assert.are.equal(0, busy:count())
  end)

  it("serves all of many that are busy", function()
    local list, served = some(8), {}
    for _, ch in ipairs(list) do
      for _ = 1, 800 do ch:send(true) end
    end
    for _ = 1, 800 do assert(channel.select(list, 0)) end
    for i, ch in ipairs(list) do served[i] = 800 - ch:count() end
    for i = 1, 8 do
      assert.is_true(served[i] > 20, table.concat(served, " "))
    end
  end)

  it("serves the quiet one while others keep the busy one full", function()
    local busy, quiet = channel.new(8), channel.new()
    local feeders = {}
    for i = 1, 3 do
      feeders[i] = channels.start([[
        local ch = ...
        repeat local ok = ch:send("busy") until not ok]], busy)
    end
    for i = 1, 20 do
      quiet:send(i)
      local count = 0
      repeat
        local ch, ok = channel.select({ busy, quiet }, channels.PATIENCE)
        assert(ok)
        count = count + 1
      until ch == quiet
      assert.is_true(count < 500)
    end
    busy:close()
    for _, thread in ipairs(feeders) do channels.results(thread) end
  end)
end)

describe("selecting threads", function()
  it("can wait for hundreds of channels", function()
    local list, back = some(400), channel.new()
    local thread = channels.sleeper([[
      local list, back = ...
      local channel = require "llthreads2.channel"
      while true do
        local ch, ok, value = channel.select(list)
        if not ok then return value, ch end
        back:send(ch, value)
      end]], list, back)
    for i = 1, #list, 7 do
      list[i]:send(i)
      local ok, ch, value = back:receive(channels.PATIENCE)
      assert(ok and ch == list[i] and value == i)
    end
    list[#list]:close()
    assert.are.same(pack("closed", list[#list]), channels.results(thread))
  end)

  it("wake as many as there are messages, on whatever channels", function()
    local list = some(5)
    local threads = channels.sleepers(12, [[
      local _, ok, value = require("llthreads2.channel").select(...)
      return ok, value]], list)
    local function expect_ended(number)
      assert.is_true(sync.eventually(function()
        return channels.ended(threads) == number
      end))
      for _, ch in ipairs(list) do assert.are.equal(0, ch:count()) end
    end
    list[3]:send(1)
    expect_ended(1)
    for i = 2, 6 do list[i - 1]:send(i) end
    expect_ended(6)
    for i = 7, 12 do list[1]:send(i) end
    expect_ended(12)
    local sum = 0
    for _, thread in ipairs(threads) do
      local results = channels.results(thread)
      assert.is_true(results[1])
      sum = sum + results[2]
    end
    assert.are.equal(78, sum)
  end)

  it("leave no message to nobody that others wait for, too", function()
    local receive = "return (...):receive()"
    for _ = 1, channels.STRESS and 1000 or 50 do
      local one, two, taken = channel.new(), channel.new(), 0
      local threads = { channels.sleeper([[
        local _, ok = require("llthreads2.channel").select { ... }
        return ok]], one, two), channels.sleeper(receive, one),
        channels.sleeper(receive, two) }
      -- The one that selects is woken by the first, and may take the second.
      one:send("x")
      two:send("x")
      assert.is_true(sync.eventually(function()
        return one:count() + two:count() == 0
      end))
      one:close()
      two:close()
      for _, thread in ipairs(threads) do
        if channels.results(thread)[1] then taken = taken + 1 end
      end
      assert.are.equal(2, taken)
    end
  end)

  local SELECTOR = [[
    local list, seen = ..., {}
    local channel = require "llthreads2.channel"
    while #list > 0 do
      local ch, ok, id, i = channel.select(list)
      if ok then
        seen[#seen + 1] = id .. ":" .. i
      else
        assert(id == "closed")
        for k = #list, 1, -1 do
          if list[k] == ch then table.remove(list, k) end
        end
      end
    end
    return seen]]

  local RECEIVER = [[
    local seen = {}
    for id, i in (...):messages() do seen[#seen + 1] = id .. ":" .. i end
    return seen]]

  local SENDER = [[
    local list, id, count = ...
    for i = 1, count do assert(list[i % #list + 1]:send(id, i)) end]]

  local function rush(capacity, count)
    local list, takers, senders, times = {}, {}, {}, {}
    for i = 1, 5 do list[i] = channel.new(capacity) end
    for i = 1, 4 do takers[i] = channels.start(SELECTOR, list) end
    -- Two of the channels have a receiver of their own as well.
    for i = 5, 6 do takers[i] = channels.start(RECEIVER, list[i - 4]) end
    for i = 1, 4 do senders[i] = channels.start(SENDER, list, i, count) end
    for _, thread in ipairs(senders) do channels.results(thread) end
    -- The close below would hide that somebody has not been woken.
    for _, ch in ipairs(list) do
      assert(sync.eventually(function() return ch:count() == 0 end))
    end
    for _, ch in ipairs(list) do ch:close() end
    for _, thread in ipairs(takers) do
      for _, message in ipairs(channels.results(thread)[1]) do
        times[message] = (times[message] or 0) + 1
      end
    end
    for id = 1, 4 do
      for i = 1, count do
        assert(times[id .. ":" .. i] == 1, "lost or doubled")
      end
    end
  end

  for _, capacity in ipairs { 1, 7, math.huge } do
    it("lose and double nothing, capacity " .. capacity, function()
      local bound = capacity < math.huge and capacity or nil
      channels.repeatedly(function()
        for _ = 1, 5 do rush(bound, channels.STRESS and 2000 or 100) end
      end)
    end)
  end
end)
