-- SPDX-License-Identifier: MIT
-- The modules written in Lua, and which of their lines can be counted: those on
-- which a statement begins.

local files = require "support.files"

local lines = {}

-- A list of their names, from the root of the sources.
function lines.modules()
  return files.lines_of("find lua -name '*.lua'")
end

-- The lines of a file.
function lines.read(path)
  local read = {}
  for line in io.lines(path) do read[#read + 1] = line end
  return read
end

local function compiles(text, number, inserted)
  local changed = { table.unpack(text) }
  changed[number] = inserted .. changed[number]
  return load(table.concat(changed, "\n")) ~= nil
end

local ENDS = { ["end"] = true, ["else"] = true, ["elseif"] = true,
  ["until"] = true }

-- Whether a statement begins on a line: another one can stand in front of it,
-- but not half of one, as it could inside of a string.
function lines.begins(text, number)
  local line = text[number]
  return line:find("%S") and not line:find("^%s*%-%-")
    and not ENDS[line:match("%a+")]
    and compiles(text, number, "do end ")
    and not compiles(text, number, "do ")
end

return lines
