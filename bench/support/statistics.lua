-- SPDX-License-Identifier: MIT
--
-- What is said about samples: percentiles, and ratios round by round.

local lua = require "support.lua"

local statistics = {}

-- The value below which the share `p` (0 to 1) of the samples lies, between
-- two samples in proportion. nil without samples.
function statistics.percentile(samples, p)
  local sorted = lua.append({}, samples)
  table.sort(sorted)
  if #sorted == 0 then return nil end
  local place = 1 + p * (#sorted - 1)
  local below = math.floor(place)
  local above = math.min(below + 1, #sorted)
  return sorted[below] + (place - below) * (sorted[above] - sorted[below])
end

function statistics.median(samples)
  return statistics.percentile(samples, 0.5)
end

function statistics.summary(samples)
  return {
    median = statistics.median(samples),
    p10 = statistics.percentile(samples, 0.1),
    p90 = statistics.percentile(samples, 0.9),
  }
end

-- What is left of each sample without that of the same round in `others`.
function statistics.differences(samples, others)
  local list = {}
  for i, sample in ipairs(samples) do list[i] = sample - others[i] end
  return list
end

-- The summary of sample / other, of those rounds that both have measured: what
-- slows down the machine for a while slows down both.
function statistics.ratio(samples, others)
  local list = {}
  for i = 1, math.min(#samples, #others) do
    list[i] = samples[i] / others[i]
  end
  return statistics.summary(list)
end

return statistics
