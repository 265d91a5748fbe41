-- SPDX-License-Identifier: MIT
--
-- Two ways to spend the time until a thread is done: do other work while it is
-- alive, or wait in small portions. Both then have its results.
--
-- Prints:
--   the thread found 9592 primes, meanwhile pi came to 3.14
--   the thread found 33860 primes, after ... looks at the clock

local llthreads2 = require "llthreads2"

local count_primes = [[
  local function is_prime(n)
    for divisor = 2, math.floor(math.sqrt(n)) do
      if n % divisor == 0 then return false end
    end
    return true
  end

  local primes = 0
  for n = 2, ... do
    if is_prime(n) then primes = primes + 1 end
  end
  return primes
]]

-- 1. There is other work to do. alive() does not wait, and the results stay
--    where they are until join() collects them.
local thread = assert(llthreads2.new(count_primes, 100000):start())

local pi, sign, divisor = 0, 1, 1
repeat
  for _ = 1, 1000 do
    pi, sign, divisor = pi + sign * 4 / divisor, -sign, divisor + 2
  end
until not thread:alive()

local ok, primes = thread:join()
assert(ok, primes)
print(("the thread found %d primes, meanwhile pi came to %.2f"):format(primes,
  pi))

-- 2. There is nothing to do but to look at the clock (or at a window, or a
--    socket) now and then. join(timeout) sleeps for up to 20 milliseconds. It
--    returns at once when the thread ends, and then it brings the results: an
--    expired timeout may be tried again, a successful join may not.
thread = assert(llthreads2.new(count_primes, 400000):start())

local looks = 0
ok, primes = thread:join(20)
while ok == nil and primes == "timeout" do
  looks = looks + 1
  ok, primes = thread:join(20)
end
assert(ok, primes)
print(("the thread found %d primes, after %d looks at the clock"):format(primes,
  looks))
