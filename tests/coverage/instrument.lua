-- SPDX-License-Identifier: MIT
-- instrument.lua FOLDER NOTES: copies the modules in lua/ into the folder, with
-- a note in a file of each line on which a statement begins. No hook does that:
-- the library and its specs use them, and each coroutine and each state would
-- need one.

local lines = require "tests.coverage.lines"

local folder, notes = ...
-- No module, for specs look at which there are.
local FETCH = (" local NOTE = dofile(%q)(%q) "):format(
  os.getenv "PWD" .. "/tests/coverage/note.lua", notes)

for _, path in ipairs(lines.modules()) do
  local text, copy = lines.read(path), {}
  for number, line in ipairs(text) do
    if lines.begins(text, number) then
      copy[number] = ("do NOTE(%q, %d) end "):format(path, number) .. line
    else
      copy[number] = line
    end
    -- Functions may travel, and have no locals of the file then.
    if line:find("^local function ") or line:find("^function ") then
      copy[number] = copy[number] .. FETCH
    end
  end
  copy[1] = FETCH .. copy[1]
  local name = folder .. path:sub(#"lua" + 1)
  assert(os.execute(("mkdir -p '%s'"):format(name:match("^(.*)/"))))
  local file = assert(io.open(name, "w"))
  file:write(table.concat(copy, "\n"), "\n")
  file:close()
end
