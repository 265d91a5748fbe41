-- SPDX-License-Identifier: MIT
--
-- Numbers as a person reads them.

local units = {}

local scales = {
  ns = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } },
  bytes = { { 1e6, "MB" }, { 1e3, "KB" }, { 1, "B" } },
}

-- With three digits that count, and no exponent.
local function digits(value)
  local size = math.abs(value)
  return ((size >= 99.95 and "%.0f") or (size >= 9.995 and "%.1f") or "%.2f")
    :format(value)
end

-- A value of the unit "ns" or "bytes" in the largest unit that fits, of others
-- as it is; "-" for nil.
function units.show(value, unit)
  if not value then return "-" end
  local scale = scales[unit]
  if not scale then return digits(value) end
  for _, step in ipairs(scale) do
    if math.abs(value) >= step[1] then
      return digits(value / step[1]) .. " " .. step[2]
    end
  end
  return digits(value) .. " " .. scale[#scale][2]
end

units.digits = digits

-- 1000000 as 1,000,000.
function units.count(number)
  local text = ("%d"):format(number):reverse():gsub("(%d%d%d)", "%1,")
  return (text:reverse():gsub("^,", ""))
end

return units
