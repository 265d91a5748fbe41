-- SPDX-License-Identifier: MIT
-- Random numbers that follow from a seed. Before 5.4 those of Lua belong to the
-- whole process, and each thread would disturb the others'; LuaJIT has them in
-- each state.

local dice = {}

if rawget(_G, "jit") or _VERSION >= "Lua 5.4" then
  dice.random, dice.seed = math.random, math.randomseed
  return dice
end

-- Park and Miller's.
local MODULUS = 2147483647
local state = 1

local function draw()
  state = state * 48271 % MODULUS
  return state
end

function dice.seed(seed)
  state = math.floor(seed) % (MODULUS - 1) + 1
  draw()
end

function dice.random(first, last)
  local fraction = (draw() - 1) / (MODULUS - 1)
  if not first then return fraction end
  if not last then first, last = 1, first end
  return first + math.floor(fraction * (last - first + 1))
end

return dice
