-- SPDX-License-Identifier: MIT
--
-- The values that are copied, by name and size, and how large they are.

local payloads = {}

local make = {}

make["integers"] = function(size)
  local list = {}
  for i = 1, size do list[i] = i * 7919 end
  return list
end

make["floats"] = function(size)
  local list = {}
  for i = 1, size do list[i] = i * 0.7319 end
  return list
end

make["records"] = function(size)
  local list = {}
  for i = 1, size do
    list[i] = {
      id = i,
      name = "name " .. i,
      score = i * 0.5,
      tags = { "red", "tag " .. i % 100, "tag " .. i },
      active = i % 2 == 0,
    }
  end
  return list
end

make["map entries"] = function(size)
  local map = {}
  for i = 1, size do map["key " .. i] = i end
  return map
end

-- A binary tree, as deep as it must be.
make["tree nodes"] = function(size)
  local function node(number)
    if number > size then return nil end
    return {
      value = number,
      left = node(2 * number),
      right = node(2 * number + 1),
    }
  end
  return node(1)
end

make["short strings"] = function(size)
  local list = {}
  for i = 1, size do list[i] = "string " .. i end
  return list
end

make["strings of 10 KB"] = function(size)
  local list = {}
  for i = 1, size do list[i] = ("%010d"):format(i):rep(1000) end
  return list
end

make["bytes in one string"] = function(size) return ("x"):rep(size) end

make["integer, alone"] = function(size) return size end

function payloads.make(kind, size)
  return make[kind](size)
end

-- Whether a key is a position of a list of this length.
local function is_place(key, length)
  return type(key) == "number" and key % 1 == 0 and key >= 1 and key <= length
end

-- The bytes and the number of a value's parts: numbers count 8 bytes, booleans
-- 1, strings their length, and so do keys, except the positions of a list.
-- Tables themselves count nothing: how much memory they take is up to Lua.
function payloads.size(value)
  if type(value) == "string" then return #value, 1 end
  if type(value) == "boolean" then return 1, 1 end
  if type(value) ~= "table" then return 8, 1 end
  local bytes, values, length = 0, 0, #value
  local function count(part)
    local more_bytes, more_values = payloads.size(part)
    bytes, values = bytes + more_bytes, values + more_values
  end
  for key, part in pairs(value) do
    if not is_place(key, length) then count(key) end
    count(part)
  end
  return bytes, values
end

return payloads
