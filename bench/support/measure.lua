-- SPDX-License-Identifier: MIT
--
-- Measures the contestants of a row in turn.
--
-- A contestant is a table:
--
--   name     what is printed; `id`, `label` and `x` are for those who look for
--            the result, and draw it
--   run      run(times) does the work so many times; it may return the
--            nanoseconds that count, or a list of them, one each time
--   without  the same without its subject (a thread without a value, say):
--            measured in each round too, so that the difference is known
--   times    how often; if absent, as often as a sample needs to be long enough
--   sample   how long that is, in nanoseconds, if the mode's is too short
--   parts    by how many the time is divided, 1 if absent
--
-- The mode says how carefully: the least number of rounds, the most, the
-- seconds after which no round beyond the least is begun, and the nanoseconds
-- that a sample shall last at least.

local lua = require "support.lua"
local native = require "bench_native"
local reason = require "bench.support.reason"
local statistics = require "bench.support.statistics"

local measure = {}

local MOST_TIMES = 1000000

-- The nanoseconds of `times` runs, and the list of each if the run tells it.
local function timed(run, times)
  collectgarbage()
  local start = native.now()
  local told = run(times)
  local whole = native.now() - start
  if type(told) ~= "table" then return told or whole end
  return statistics.median(told) * times, told
end

-- How often the work fits into a sample. This also warms what is measured.
local function calibrated(run, sample)
  local times = 1
  while true do
    local ns = math.max(timed(run, times), 1)
    if ns >= sample / 2 or times == MOST_TIMES then return times end
    local wanted = math.ceil(times * sample / ns)
    times = math.min(wanted, times * 10, MOST_TIMES)
  end
end

-- The empty result of a contestant that has done its work once, to warm it.
local function prepared(contestant, mode)
  local result = { samples = {} }
  for _, key in ipairs { "name", "id", "label", "x" } do
    result[key] = contestant[key]
  end
  local sample = contestant.sample or mode.sample
  result.times = contestant.times or calibrated(contestant.run, sample)
  if contestant.times then timed(contestant.run, contestant.times) end
  if contestant.without then
    result.without = {}
    result.times_without = calibrated(contestant.without, sample)
  end
  return result
end

local function add_latencies(result, each)
  result.latencies = result.latencies or {}
  lua.append(result.latencies, each)
  if each.asleep then
    result.asleep = math.min(result.asleep or 1, each.asleep)
  end
end

-- Of a call that fills a sample alone, the one before it was another
-- contestant's, which has left the memory of the process as it likes. What that
-- costs is not to be on the bill of whoever comes next.
local function warm(contestant, result)
  if result.times == 1 and not contestant.times then
    timed(contestant.run, 1)
  end
end

local function add_sample(contestant, result, round)
  warm(contestant, result)
  local ns, each = timed(contestant.run, result.times)
  result.samples[round] = ns / result.times / (contestant.parts or 1)
  if each then add_latencies(result, each) end
  if contestant.without then
    result.without[round] =
      timed(contestant.without, result.times_without) / result.times_without
  end
end

-- Calls f for each contestant that has not failed so far. That a library cannot
-- do something is its result; the first contestant must be able to.
local function for_each(contestants, failed, f)
  for i, contestant in ipairs(contestants) do
    if not failed[contestant.name] then
      local ok, problem = pcall(f, contestant)
      if not ok and i == 1 then error(problem, 0) end
      if not ok then failed[contestant.name] = reason(problem) end
    end
  end
end

-- Measures the contestants. Returns a result for each that could do it, in the
-- same order, and the reasons of the others by name. `tell(round)` is called
-- before each round.
function measure.contestants(contestants, mode, tell)
  local by_name, failed = {}, {}
  for_each(contestants, failed, function(contestant)
    by_name[contestant.name] = prepared(contestant, mode)
  end)
  local round, limit = 0, native.now() + mode.seconds * 1e9
  while round < mode.rounds
    or round < mode.most and native.now() < limit do
    round = round + 1
    tell(round)
    for_each(contestants, failed, function(contestant)
      add_sample(contestant, by_name[contestant.name], round)
    end)
  end
  local results = {}
  for _, contestant in ipairs(contestants) do
    if not failed[contestant.name] then
      results[#results + 1] = by_name[contestant.name]
    end
  end
  return results, failed
end

return measure
