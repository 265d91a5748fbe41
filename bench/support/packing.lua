-- SPDX-License-Identifier: MIT
--
-- How a message is packed where a library moves bytes: by string.pack, after
-- its length in four bytes. Luas without it have that of lua-compat-5.3.

local lua = require "support.lua"

local packing = {}

local has_compat, compat = pcall(require, "compat53.string")
local packer = string.pack and string or has_compat and compat or {}

packing.pack, packing.unpack = packer.pack, packer.unpack

-- Raises if there is nothing to pack with.
function packing.check()
  if not packing.pack then error("its bytes need lua-compat-5.3", 0) end
end

local FORMATS = { integer = "i8", float = "n", number = "n", string = "s4",
  boolean = "B" }

local number_type = math.type or function() end

-- How string.pack packs values of these types, or nil if it cannot.
function packing.format_of(values)
  local list = {}
  for i, value in ipairs(values) do
    list[i] = FORMATS[number_type(value) or type(value)]
    if not list[i] then return nil end
  end
  return "<" .. table.concat(list)
end

-- The values as bytes, without a length. Booleans travel as numbers.
function packing.packed(format, values)
  local list = {}
  for i, value in ipairs(values) do
    list[i] = value == true and 1 or value or 0
  end
  return packing.pack(format, lua.unpack(list))
end

-- Calls `each` with the values of each message that is whole. Returns the rest
-- of the bytes, and how many there must be for the next message.
function packing.take(bytes, format, each)
  local first, size = 1, #bytes
  while size - first >= 3 do
    local length = packing.unpack("<I4", bytes, first)
    if size - first - 3 < length then return bytes:sub(first), 4 + length end
    each(packing.unpack(format, bytes, first + 4))
    first = first + 4 + length
  end
  return bytes:sub(first), 4
end

return packing
