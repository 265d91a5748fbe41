-- SPDX-License-Identifier: MIT
-- What is tried while allocations fail: attempt.lua says what a scenario is.
--
-- Each stands alone, as it travels as bytecode. Its options:
--
--   sides    whose calls fail: "parent" (the default), "child" or both
--   gated    the child's calls count only after it has called `here()`
--   modes    "once", "for good"; the default is both
--   stride   of so many allocations one fails
--   apart    in a process of its own that has not used the library yet

-- They lie in the folder that is the argument, by what they are about.

local folder = ...
local scenarios = {}

local function add(name, options, scenario)
  if not scenario then options, scenario = {}, options end
  local made = { name = name, scenario = scenario }
  for key, value in pairs(options) do made[key] = value end
  scenarios[#scenarios + 1] = made
end

for _, name in ipairs { "modules", "channels", "messages", "threads",
  "children", "ex" } do
  assert(loadfile(folder .. name .. ".lua"))(add)
end

return scenarios
