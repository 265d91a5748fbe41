-- SPDX-License-Identifier: MIT
--
-- Group "threads": what a thread costs that does nothing.

local contestants = require "bench.support.contestants"
local fresh = require "bench.support.fresh"
local growth = require "bench.support.growth"
local native = require "bench_native"

local repeated = contestants.repeated

local function one_by_one(suite)
  local list = contestants.from(suite.adapters, "thread", function(adapter)
    return { run = repeated(adapter.thread) }
  end)
  for _, floor in ipairs {
    { "floor: state made and closed in a new thread", "both",
      native.state_threads },
    { "floor: pthread_create, pthread_join", "pthread", native.empty_thread },
    { "floor: state made and closed", "state", native.state },
  } do
    list[#list + 1] =
      { name = floor[1], id = floor[2], run = repeated(floor[3]) }
  end
  return list
end

-- A sample is so many at once; what is told is one thread's part.
local function at_once(method, floor)
  return function(suite)
    local count = suite.mode.burst
    local function burst(f)
      return function(times)
        local start = native.now()
        for _ = 1, times do f(count) end
        return native.now() - start
      end
    end
    local list = contestants.from(suite.adapters, method, function(adapter)
      return { times = 1, parts = count, run = burst(adapter[method]) }
    end)
    if floor then
      list[#list + 1] = {
        name = "floor: state made and closed in a new thread",
        id = "both",
        times = 1,
        parts = count,
        run = burst(native.state_threads),
      }
    end
    return list, { note = ("%d at once, the part of one"):format(count) }
  end
end

-- Idle threads in processes of their own, so that no memory is used a second
-- time. `ours` and the peer run the same code.
local function memory(suite)
  local count = suite.mode.idle
  local list = contestants.from(suite.adapters, "idle", function(adapter)
    return { times = 1, run = fresh.memory(adapter.id, count) }
  end)
  list[#list + 1] = {
    name = "floor: state with libraries, stack",
    id = "floor",
    times = 1,
    run = fresh.memory("floor", count),
  }
  return list, { note = ("of %d threads, the part of one"):format(count) }
end

return {
  {
    group = "threads",
    name = "new, start, join",
    goals = { { to = "peer", at_most = 0.6 },
      { to = "both", at_most = 1.2 } },
    make = one_by_one,
  },
  {
    group = "threads",
    name = "joined, many at once",
    make = at_once("burst", true),
  },
  {
    group = "threads",
    name = "detached, many at once",
    make = at_once("detached_burst", true),
  },
  {
    group = "threads",
    name = "memory of an idle thread",
    unit = "bytes",
    goals = { { to = "floor", at_most = 1.1 } },
    make = memory,
  },
  growth.row {
    group = "threads",
    name = "a thread, by how many are alive",
    title = "%s alive",
    sizes = { [10] = "tiny", [1000] = "full", [10000] = "full" },
    each = function(suite, count)
      return function()
        local threads = suite.adapters[1].idle(count)
        native.open_gate()
        for _, thread in ipairs(threads) do assert(thread:join()) end
      end, count
    end,
  },
}
