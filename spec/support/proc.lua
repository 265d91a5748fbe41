-- SPDX-License-Identifier: MIT
-- Runs Lua programs in processes of their own, for everything that cannot be
-- seen from inside one: what is written to stderr, exit codes, crashes.

local proc = {}

local function quoted(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

-- The interpreter that runs this suite: what stands first on its command
-- line, in `arg` below everything else.
function proc.interpreter()
  local first = 0
  while arg and arg[first - 1] do first = first - 1 end
  return first < 0 and arg[first] or "lua"
end

-- All that is in a file.
function proc.contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Makes a file.
function proc.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- What a shell command prints, as it is.
function proc.output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- A preloaded library (a sanitizer) is meant for the interpreter, not for the
-- tools that start it, which need not be clean. Returns the shell command that
-- runs an interpreter's command.
function proc.launched(command)
  local preload = os.getenv("LD_PRELOAD")
  if not preload then return command end
  return "env LD_PRELOAD=" .. quoted(preload) .. " " .. command
end

-- The shell's lines. Stderr goes through a pipe, which is where the pieces of
-- unserialised reports would mix. That a program ends under its threads is no
-- leak here, but often the point, and a second's wait for it at every exit is
-- too long.
local function script(command, files, options)
  return ([[unset LD_PRELOAD
export TSAN_OPTIONS="$TSAN_OPTIONS report_thread_leaks=0 atexit_sleep_ms=20"
{ timeout -k 5 %d %s %s <%s >%s; echo $? >%s; } 2>&1 | cat >%s]]):format(
    options.timeout or 60, options.prefix or "",
    options.tools and command or proc.launched(command),
    quoted(files.input), quoted(files.out), quoted(files.code),
    quoted(files.err))
end

local function temporary_files()
  local files = {}
  for _, name in ipairs { "input", "out", "err", "code" } do
    files[name] = os.tmpname()
  end
  return files
end

-- Runs a shell command with `input` as its standard input. Returns stdout,
-- stderr and the exit code, which is 124 when the time ran out and 128 plus
-- the signal's number when the process was killed. Options: `timeout` in
-- seconds, `prefix` for words in front of the command such as "prlimit ...",
-- `tools` for a command of the system: no sanitizer goes with it.
function proc.shell(command, input, options)
  local files = temporary_files()
  proc.write(files.input, input or "")
  os.execute(script(command, files, options or {}))
  local out, err = proc.contents(files.out), proc.contents(files.err)
  local code = tonumber(proc.contents(files.code))
  for _, path in pairs(files) do os.remove(path) end
  return out, err, code
end

-- Runs the program `text`, which may take the standard input's place because
-- a file may be out of reach for a process with other rights.
function proc.run(text, options)
  return proc.shell(quoted(proc.interpreter()) .. " -", text, options)
end

-- Runs busted with the arguments in `words`.
function proc.busted(words, options)
  local runner = arg[0]:find("busted", 1, true) and arg[0] or "/usr/bin/busted"
  local command = { quoted(proc.interpreter()), quoted(runner) }
  for _, word in ipairs(words) do
    command[#command + 1] = quoted(word)
  end
  return proc.shell(table.concat(command, " "), nil, options)
end

-- How often to do what is done many times. A sanitizer reports what it has
-- seen once, and needs ten times as long; how much the library bears is tested
-- without one.
function proc.scaled(number)
  return proc.sanitizer() and math.floor(number / 10) or number
end

-- The sanitizer that this process, and those it starts, run under: "asan",
-- "tsan" or nil. Both take far more memory and time than a test may expect.
function proc.sanitizer()
  return (os.getenv("LD_PRELOAD") or ""):match("lib([at]san)")
end

return proc
