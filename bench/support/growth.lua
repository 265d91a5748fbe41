-- SPDX-License-Identifier: MIT
--
-- Rows that ask whether the cost of one thing stays the same when there are
-- many: the contestants are numbers, the largest first, for it is the one that
-- is compared with the others.

local units = require "bench.support.units"

local growth = {}

local function sorted(sizes, mode)
  local list = {}
  for size, name in pairs(sizes) do
    if mode.includes[name] then list[#list + 1] = size end
  end
  table.sort(list, function(a, b) return a > b end)
  return list
end

-- A row from its group and name, and
--
--   title   what a contestant is called, with %s for its number
--   sizes   the numbers, each with the first mode that measures it
--   each    each(suite, number) returns a function, and among how many things
--           its time is divided
--   goals   as in any row; the `id` is the number
function growth.row(row)
  function row.make(suite)
    local list = {}
    for i, size in ipairs(sorted(row.sizes, suite.mode)) do
      local run, count = row.each(suite, size)
      list[i] = {
        name = row.title:format(units.count(size)),
        id = size,
        x = size,
        parts = count,
        run = function(times)
          for _ = 1, times do run() end
        end,
      }
    end
    return list
  end
  return row
end

return growth
