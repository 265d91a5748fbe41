-- SPDX-License-Identifier: MIT
--
-- What a row is called, and how rows are chosen by that.

local names = {}

function names.of(row)
  return row.group .. ": " .. row.name
end

-- Whether one of the patterns matches the name, or there is none.
function names.is_chosen(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return #patterns == 0
end

return names
