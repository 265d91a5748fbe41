-- SPDX-License-Identifier: MIT
-- Values that several specs send.

local lua = require "support.lua"

local values = {}

-- A table inside a table, `depth` of them, around `core`.
function values.nested(depth, core)
  local outer = { core }
  for _ = 2, depth do outer = { outer } end
  return outer
end

-- An iterator of string.gmatch whose upvalues are replaced, where `debug`
-- reaches them: the first, or the one of that number, by `upvalue`, the others
-- by their numbers. Never call it.
function values.closure(upvalue, place)
  local iterator = ("x"):gmatch("x")
  for i = 1, 3 do
    debug.setupvalue(iterator, i, i == (place or 1) and upvalue or i)
  end
  return iterator
end

-- The upvalues of such a function.
function values.upvalues(iterator)
  local list = {}
  for i = 1, 3 do list[i] = select(2, debug.getupvalue(iterator, i)) end
  return list
end

-- As many numbers as one call can have.
function values.many()
  local list = {}
  for i = 1, lua.MANY do list[i] = i end
  return list
end

-- Whether these are they, in their order.
function values.are_many(...)
  if select("#", ...) ~= lua.MANY then return false end
  for i, value in ipairs { ... } do
    if value ~= i then return false end
  end
  return true
end

return values
