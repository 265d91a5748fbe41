-- SPDX-License-Identifier: MIT
-- Called by the modules that instrument.lua has changed, in whatever state they
-- run: notes that a line was reached, once for each state.

local open, path = io.open, os.getenv("COVERAGE_NOTES")
local noted = {}

return function(file, line)
  local place = file .. ":" .. line
  if noted[place] then return end
  -- Where no descriptor is left a later time will do.
  local notes = open(path, "a")
  if notes then
    notes:write(place, "\n")
    notes:close()
    noted[place] = true
  end
end
