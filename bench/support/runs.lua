-- SPDX-License-Identifier: MIT
--
-- What several adapters need for runs of messages between threads.

local native = require "bench_native"

local runs = {}

-- Seconds until threads that do not get ready have failed.
runs.PATIENCE = 10

-- How many of `total` messages the part `index` of so many parts has.
function runs.share(total, count, index)
  return math.floor(total / count) + (index <= total % count and 1 or 0)
end

-- The times of the rounds of a ping-pong, each of which `ask(...)` plays and
-- tells, behind the pause if there is one.
function runs.rounds(options, ask, ...)
  local times = {}
  for i = 1, options.rounds do
    if options.pause then native.sleep(options.pause) end
    times[i] = ask(...)
  end
  return times
end

return runs
