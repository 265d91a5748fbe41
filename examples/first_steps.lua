-- SPDX-License-Identifier: MIT
--
-- First steps: two threads work at the same time and return tables.
--
-- Prints:
--   low: 500000 numbers, their sum is 125000250000
--   high: 500000 numbers, their sum is 375000250000

local llthreads2 = require "llthreads2"

-- A thread runs in a Lua state of its own and sees nothing of ours. Its program
-- is a string, and what we hand to it arrives as `...`, copied.
local add_up = [[
  local name, first, last = ...
  local sum = 0
  for n = first, last do sum = sum + n end
  return { name = name, count = last - first + 1, sum = sum }
]]

local low = assert(llthreads2.new(add_up, "low", 1, 500000):start())
local high = assert(llthreads2.new(add_up, "high", 500001, 1000000):start())

for _, thread in ipairs { low, high } do
  -- `true` and what the thread returned, or `false` and the error it raised.
  local ok, result = thread:join()
  assert(ok, result)
  print(("%s: %d numbers, their sum is %d"):format(result.name, result.count,
    result.sum))
end
