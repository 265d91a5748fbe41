-- SPDX-License-Identifier: MIT
--
-- Whole files, and what commands print.

local files = {}

function files.contents(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

function files.write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- A word of a shell command, as it is.
function files.quoted(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

-- What a shell command prints.
function files.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- The interpreter that runs this program: what stands first on its command
-- line, in `arg` below everything else.
function files.interpreter()
  local first = 0
  while arg[first - 1] do first = first - 1 end
  return first < 0 and arg[first] or "lua5.4"
end

return files
