-- SPDX-License-Identifier: MIT
--
-- A row is one thing that is measured. It is declared as a table:
--
--   group, name   which row it is
--   make          make(suite) returns its contestants, of which the first is
--                 the one the ratios and goals are about, and facts (a table)
--   unit          of the samples: "ns" (default), "bytes" or "sleeps"
--   columns       the additional columns of its table: "copy" or "latency"
--   series, x     for charts: the line on which the row is a point, and where
--   mode          the first mode of tiny, quick, full that measures it; tiny if
--                 absent
--   goals         a list of { to =, at_most = }: how many times as much as the
--                 contestant with that `id` the first one may need, or without
--                 `to`, its limit in the unit of the row
--
-- What has been measured is a record: plain data that is printed, written to
-- the JSON file, and drawn.

local measure = require "bench.support.measure"
local statistics = require "bench.support.statistics"

local row = {}

-- How many times as much as `other` the subject needs. Of one that starts no
-- thread only the copies are compared.
function row.ratio(subject, other)
  local samples = subject.samples
  if subject.without and not other.without then
    samples = statistics.differences(samples, subject.without)
  end
  return statistics.ratio(samples, other.samples)
end

local function with_id(results, id)
  for _, result in ipairs(results) do
    if result.id == id then return result end
  end
end

local function judged(goal, results)
  local subject, other = results[1], with_id(results, goal.to)
  local value
  if not goal.to then
    value = statistics.median(subject.samples)
  elseif other then
    value = row.ratio(subject, other).median
  end
  return {
    to = goal.to,
    at_most = goal.at_most,
    value = value,
    reached = value and value <= goal.at_most,
  }
end

local function add_figures(result, subject)
  result.summary = statistics.summary(result.samples)
  if result.without then
    result.thread = statistics.summary(result.without)
    result.copy = statistics.summary(
      statistics.differences(result.samples, result.without))
  end
  if result.latencies then
    result.p50 = statistics.percentile(result.latencies, 0.5)
    result.p99 = statistics.percentile(result.latencies, 0.99)
    result.p999 = statistics.percentile(result.latencies, 0.999)
  end
  if result ~= subject then result.ratio = row.ratio(subject, result) end
end

-- The record of a row from the samples of its contestants.
function row.record(declared, results, failed, facts)
  local record = {
    group = declared.group,
    name = declared.name,
    series = declared.series,
    x = declared.x,
    unit = declared.unit or "ns",
    columns = declared.columns,
    facts = facts or {},
    failed = failed,
    results = results,
    goals = {},
  }
  for _, result in ipairs(results) do add_figures(result, results[1]) end
  for i, goal in ipairs(declared.goals or {}) do
    record.goals[i] = judged(goal, results)
  end
  return record
end

-- Measures a row. The payloads that `make` builds are garbage afterwards.
function row.measure(declared, suite, tell)
  local contestants, facts = declared.make(suite)
  local results, failed =
    measure.contestants(contestants, suite.mode, tell)
  return row.record(declared, results, failed, facts)
end

return row
