-- SPDX-License-Identifier: MIT
--
-- What several adapters need for streams of messages: how many each thread has,
-- and, where a library moves bytes, how a message is packed: by string.pack,
-- after its length in four bytes.

local packing = {}

-- How many of `total` messages the part `index` of so many parts has.
function packing.share(total, count, index)
  return total // count + (index <= total % count and 1 or 0)
end

local FORMATS = { integer = "i8", float = "n", string = "s4", boolean = "B" }

-- How string.pack packs values of these types, or nil if it cannot.
function packing.format_of(values)
  local list = {}
  for i, value in ipairs(values) do
    list[i] = FORMATS[math.type(value) or type(value)]
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
  return string.pack(format, table.unpack(list))
end

-- Calls `each` with the values of each message that is whole. Returns the rest
-- of the bytes, and how many there must be for the next message.
function packing.take(bytes, format, each)
  local first, size = 1, #bytes
  while size - first >= 3 do
    local length = string.unpack("<I4", bytes, first)
    if size - first - 3 < length then return bytes:sub(first), 4 + length end
    each(string.unpack(format, bytes, first + 4))
    first = first + 4 + length
  end
  return bytes:sub(first), 4
end

return packing
