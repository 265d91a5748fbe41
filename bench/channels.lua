-- SPDX-License-Identifier: MIT
--
-- Group "channels": messages between running threads. A sample is the time of
-- many messages, divided by their number; of a ping-pong, each round is one.

local contestants = require "bench.support.contestants"
local files = require "support.files"
local growth = require "bench.support.growth"
local lua = require "support.lua"
local native = require "bench_native"

-- What the goals speak of: a message of three small values.
local SMALL = { 42, "a message", 1.5 }
local LOT = 1000 -- messages, so that few threads more or less do not matter

-- Streams ---------------------------------------------------------------------

local function stream(adapter, options, lot)
  return function(times)
    options.messages = lot * times
    local ns, problem = adapter.stream(options)
    return assert(ns, problem or "has no such channels")
  end
end

local function streams(suite, options, lot)
  return contestants.from(suite.adapters, "stream", function(adapter)
    return {
      run = stream(adapter, options, lot),
      sample = suite.mode.stream,
      parts = lot,
    }
  end)
end

-- Our own, in another way, for the goals that compare the two.
local function ours_as(suite, title, options)
  return {
    name = suite.adapters[1].name .. ", " .. title,
    id = title,
    sample = suite.mode.stream,
    parts = LOT,
    run = stream(suite.adapters[1], options, LOT),
  }
end

-- A queue of C alone, whose threads spin: see queues.c. (The ring for many
-- senders is no floor: where one of them loses its processor the others spin
-- for a time slice, and a message takes milliseconds.)
local function queue(name, title, senders, receivers)
  local module = lua.searchpath("bench_native", package.cpath)
  local command = ("timeout 20 '%s' %s %d %d"):format(
    module:match("^(.*/)") .. "queues", name, senders, receivers)
  return {
    name = "floor: " .. title .. ", spinning in C",
    id = name,
    times = 1,
    run = function()
      return assert(tonumber(files.output(command)),
        "queues has printed no number")
    end,
  }
end

local function queues(list, senders, receivers)
  list[#list + 1] = queue("mailbox", "mailbox", senders, receivers)
  if senders == 1 and receivers == 1 then
    list[#list + 1] = queue("spsc", "ck_ring", 1, 1)
  end
end

local ONE = { senders = 1, receivers = 1, values = SMALL }

-- Oversubscribed, no more than 1 / 0.7 of the time of one to one.
local function crowd_row(senders, receivers, mode, goals)
  return {
    group = "channels",
    name = ("%d -> %d"):format(senders, receivers),
    series = "crowds",
    mode = mode,
    goals = goals,
    make = function(suite)
      local list = streams(suite, { senders = senders, receivers = receivers,
        values = SMALL }, LOT)
      if senders + receivers > 2 then
        list[#list + 1] = ours_as(suite, "1 -> 1", ONE)
      end
      queues(list, senders, receivers)
      return list, { note = "a message of 3 small values" }
    end,
  }
end

local function bounded_row(senders, receivers, mode, goals)
  local name = ("%d -> %d"):format(senders, receivers)
  return {
    group = "channels",
    name = name .. ", capacity 64",
    series = "bounded crowds",
    mode = mode,
    goals = goals,
    make = function(suite)
      local list = streams(suite, { senders = senders, receivers = receivers,
        values = SMALL, capacity = 64 }, LOT)
      list[#list + 1] = ours_as(suite, "unbounded",
        { senders = senders, receivers = receivers, values = SMALL })
      return list, { note = "a message of 3 small values" }
    end,
  }
end

-- Messages of other sizes -----------------------------------------------------

local function record()
  return { id = 1, name = "name", score = 0.5, tags = { "a", "b", "c" },
    active = true }
end

local function list_of(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

local messages = {
  { "a string of 10 bytes", ("x"):rep(10), 10, LOT },
  { "a string of 1,000 bytes", ("x"):rep(1000), 1000, LOT },
  { "a string of 100,000 bytes", ("x"):rep(100000), 100000, 10 },
  { "a string of 1,000,000 bytes", ("x"):rep(1000000), 1000000, 10 },
  { "a record", record(), nil, LOT },
  { "a list of 100 integers", list_of(100), nil, LOT },
}

local function message_row(message)
  local title, value, bytes, lot = lua.unpack(message, 1, 4)
  return {
    group = "channels",
    name = "1 -> 1, " .. title,
    series = bytes and "string",
    x = bytes,
    mode = "full",
    make = function(suite)
      return streams(suite, { senders = 1, receivers = 1, values = { value } },
        lot), { bytes = bytes }
    end,
  }
end

-- Ping-pong -------------------------------------------------------------------

-- In a pause both sides sleep; the system then tends to run them on the same
-- processor, so whoever spins before it sleeps keeps the other one waiting. If
-- they work in their pauses, the one that is woken sleeps on another processor,
-- and that has to wake up, too.
local PAUSE = 0.5

-- The list of the rounds' times, with how many of the waits were asleep.
local function watched(play, rounds, pause, works)
  local others = pause and not works and 2 * rounds or 0
  return function()
    local before = native.sleeps()
    local list = play(rounds, pause, works)
    local sleeps = native.sleeps() - before - others
    list.asleep = math.max(0, math.min(1, sleeps / (2 * rounds)))
    return list
  end
end

local function player(adapter, ...)
  return {
    times = 1,
    run = watched(function(rounds, pause, works)
      return adapter.ping_pong { rounds = rounds, pause = pause, works = works }
    end, ...),
  }
end

local function ping_pongs(suite, ...)
  local arguments = lua.pack(...)
  return contestants.from(suite.adapters, "ping_pong", function(adapter)
    return player(adapter, lua.unpack(arguments, 1, arguments.n))
  end)
end

local function futex(title, id, spins, ...)
  return {
    name = title,
    id = id,
    times = 1,
    run = watched(function(rounds, pause, works)
      return native.futex_ping_pong(rounds, spins, pause, works)
    end, ...),
  }
end

local function running(suite)
  local rounds = suite.mode.ping_pongs
  local list = ping_pongs(suite, rounds)
  list[#list + 1] = futex("floor: two words, spinning", "spin", true, rounds)
  list[#list + 1] = futex("floor: futex, never spinning", "futex", false,
    rounds)
  return list
end

local function parked(suite)
  local rounds = suite.mode.parked
  local list = ping_pongs(suite, rounds, PAUSE)
  list[#list + 1] = futex("floor: futex", "futex", false, rounds, PAUSE)
  return list
end

local function parked_apart(suite)
  local rounds = suite.mode.parked
  local ours = player(suite.adapters[1], rounds, PAUSE, true)
  ours.name = suite.adapters[1].name
  return { ours, futex("floor: futex", "futex", false, rounds, PAUSE, true) }
end

-- Others ----------------------------------------------------------------------

local function fan_in_row(channels, mode)
  return {
    group = "channels",
    name = ("select over %d channels"):format(channels),
    series = "select",
    x = channels,
    mode = mode,
    make = function(suite)
      return contestants.from(suite.adapters, "fan_in", function(adapter)
        return {
          sample = suite.mode.stream,
          parts = LOT,
          run = function(times)
            return adapter.fan_in { channels = channels,
              messages = LOT * times }
          end,
        }
      end), { note = "a message" }
    end,
  }
end

local function blocked(suite)
  local count, milliseconds = suite.mode.idle, suite.mode.idle_ms
  local function a_second(f)
    return function() return f() * 1000 / milliseconds end
  end
  return {
    {
      name = suite.adapters[1].name,
      times = 1,
      run = a_second(function()
        return suite.adapters[1].blocked(count, milliseconds)
      end),
    },
    {
      name = "the same process without them",
      times = 1,
      run = a_second(function()
        return suite.adapters[1].blocked(0, milliseconds)
      end),
    },
  }, { note = ("%d threads, processor time in a second"):format(count) }
end

local rows = {
  crowd_row(1, 1, "tiny",
    { { at_most = 120 }, { to = "mtmsg", at_most = 0.35 } }),
  crowd_row(4, 1, "quick", { { to = "1 -> 1", at_most = 1 / 0.7 } }),
  crowd_row(1, 4, "quick", { { to = "1 -> 1", at_most = 1 / 0.7 } }),
  crowd_row(4, 4, "quick", { { to = "1 -> 1", at_most = 1 / 0.7 } }),
  crowd_row(8, 8, "full"),
  bounded_row(1, 1, "tiny", { { to = "unbounded", at_most = 1.5 } }),
  bounded_row(4, 1, "full"),
  bounded_row(1, 4, "full"),
  bounded_row(4, 4, "full"),
  bounded_row(8, 8, "full"),
}
for _, message in ipairs(messages) do rows[#rows + 1] = message_row(message) end
for _, row in ipairs {
  {
    group = "channels",
    name = "ping-pong, both sides running",
    columns = "latency",
    goals = { { at_most = 2000 } },
    make = running,
  },
  {
    group = "channels",
    name = "ping-pong, both sides parked",
    columns = "latency",
    goals = { { to = "futex", at_most = 1.1 } },
    make = parked,
  },
  {
    group = "channels",
    name = "ping-pong, both sides parked, on two processors",
    columns = "latency",
    goals = { { to = "futex", at_most = 1.1 } },
    make = parked_apart,
  },
  fan_in_row(2, "tiny"),
  fan_in_row(20, "quick"),
  fan_in_row(200, "full"),
  {
    group = "channels",
    name = "threads blocked in receive",
    -- Half a percent of a processor: reading the clock of so many threads takes
    -- a part of that.
    goals = { { at_most = 5e6 } },
    make = blocked,
  },
  growth.row {
    group = "channels",
    name = "a message, by the depth of the queue",
    title = "%s queued",
    goals = { { to = 10, at_most = 1.5 } },
    sizes = { [10] = "tiny", [1000] = "tiny", [100000] = "quick",
      [1000000] = "full" },
    each = function(suite, depth)
      local messages_in_all = math.max(depth, suite.mode.depth)
      return function()
        suite.adapters[1].fill_and_drain(depth, messages_in_all)
      end, messages_in_all
    end,
  },
  growth.row {
    group = "channels",
    name = "a value, by the size of the message",
    title = "a list of %s",
    goals = { { to = 1000, at_most = 1.5 } },
    sizes = { [10] = "tiny", [100] = "tiny", [1000] = "quick",
      [10000] = "quick", [100000] = "full", [1000000] = "full" },
    each = function(suite, size)
      local value, times = list_of(size), math.max(1, math.floor(100000 / size))
      return function() suite.adapters[1].copy(value, times) end, size * times
    end,
  },
  growth.row {
    group = "channels",
    name = "a channel, by how many are alive",
    title = "%s alive",
    sizes = { [100] = "tiny", [1000] = "quick", [100000] = "full" },
    each = function(suite, count)
      return function() suite.adapters[1].channels(count) end, count
    end,
  },
} do
  rows[#rows + 1] = row
end

return rows
