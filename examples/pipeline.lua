-- SPDX-License-Identifier: MIT
--
-- A pipeline: each stage is a thread that receives from the stage before it and
-- sends to the one behind it. It shuts down by closing, from either end: when
-- there is no more input, or when nobody wants the output any more.
--
-- Prints:
--   25 primes below 100, their squares add up to 65796
--   the first primes above 1000000: 1000003 1000033 1000037
--   all stages have ended

local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"

-- The stages. Each closes what it has at its end, whatever the reason was:
-- closing its output tells the next stage that nothing follows, and closing
-- its input tells the one before that nothing more is wanted. The output is
-- bounded, so a fast stage waits for a slow one and not much piles up.

local function count_up(output, first, last)
  for n = first, last do
    if not output:send(n) then break end -- closed: nobody wants more
  end
  output:close()
end

local function keep_primes(input, output)
  local function is_prime(n)
    for divisor = 2, math.floor(math.sqrt(n)) do
      if n % divisor == 0 then return false end
    end
    return n > 1
  end

  for n in input:messages() do
    if is_prime(n) and not output:send(n) then break end
  end
  input:close()
  output:close()
end

local function square(input, output)
  for n in input:messages() do
    if not output:send(n * n) then break end
  end
  input:close()
  output:close()
end

local threads = {}

-- Starts a stage; returns the channel of its output.
local function stage(code, ...)
  threads[#threads + 1] = assert(ex.new(code, ...):start())
end

-- 1. The input ends. Its end travels through the stages to us.
local numbers, primes, squares = channel.new(16), channel.new(16),
  channel.new(16)
stage(count_up, numbers, 1, 99)
stage(keep_primes, numbers, primes)
stage(square, primes, squares)

local count, sum = 0, 0
for n in squares:messages() do
  count, sum = count + 1, sum + n
end
print(("%d primes below 100, their squares add up to %d"):format(count, sum))

-- 2. The input is endless, and we have enough. Our close travels to its source.
numbers, primes = channel.new(16), channel.new(16)
stage(count_up, numbers, 1000000, math.huge)
stage(keep_primes, numbers, primes)

local found = {}
for n in primes:messages() do
  found[#found + 1] = n
  if #found == 3 then break end
end
primes:close()
print("the first primes above 1000000: " .. table.concat(found, " "))

for _, thread in ipairs(threads) do assert(thread:join()) end
print("all stages have ended")
