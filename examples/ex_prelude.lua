-- SPDX-License-Identifier: MIT
--
-- llthreads2.ex takes functions instead of strings, and a prelude: a function
-- that runs in the child before the code and may change its arguments.
--
-- Prints:
--   seven times six is 42
--   changed arguments: number 40, number 2
--   the sum is <42>

local Threads = require "llthreads2.ex"

-- Functions travel as bytecode, without their upvalues: a local variable from
-- around the function would be nil in the child, so hand it over.
local ok, product = Threads.new(function(a, b)
  return a * b
end, 7, 6):start():join()
assert(ok, product)
print("seven times six is " .. product)

-- What the prelude returns replaces the arguments. As it stays in the child it
-- may be anything, even a Lua function, which could not be sent there.
local thread = Threads.new({
  function(a, b, decorate)
    print(("changed arguments: %s %d, %s %d"):format(type(a), a, type(b), b))
    return decorate(a + b)
  end,

  prelude = function(text)
    local function decorate(value) return "<" .. value .. ">" end
    return tonumber(text), 2, decorate
  end,
}, "40")

assert(thread:start())
local success, sum = thread:join()
assert(success, sum)
print("the sum is " .. sum)
