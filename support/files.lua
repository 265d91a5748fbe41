-- SPDX-License-Identifier: MIT
-- Whole files, and shell commands.

local files = {}

-- The folder of all this: "", or a path with its slash.
files.root = debug.getinfo(1, "S").source:match("^@(.*)support/files%.lua$")

function files.contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

-- A word of a shell command, as it is.
function files.quoted(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

-- A shell command of such words.
function files.command(words)
  local list = {}
  for i, word in ipairs(words) do list[i] = files.quoted(word) end
  return table.concat(list, " ")
end

-- What a shell command prints.
function files.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- The lines that a shell command prints.
function files.lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

-- The interpreter that runs this program: what stands first on its command
-- line, in `arg` below everything else.
function files.interpreter()
  local first = -1
  while arg[first - 1] do first = first - 1 end
  return arg[first]
end

return files
