-- SPDX-License-Identifier: MIT
-- Runs Lua programs in processes of their own, for everything that cannot be
-- seen from inside one: what is written to stderr, exit codes, crashes.

local assert = require "luassert"
local files = require "support.files"
local lua = require "support.lua"

local quoted = files.quoted

local proc = {}

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
local function script(command, paths, options)
  return ([[unset LD_PRELOAD
export TSAN_OPTIONS="$TSAN_OPTIONS report_thread_leaks=0 atexit_sleep_ms=20"
{ timeout -k 5 %d %s %s <%s >%s; echo $? >%s; } 2>&1 | cat >%s]]):format(
    options.timeout or 60, options.prefix or "",
    options.tools and command or proc.launched(command),
    quoted(paths.input), quoted(paths.out), quoted(paths.code),
    quoted(paths.err))
end

local function temporary_files()
  local paths = {}
  for _, name in ipairs { "input", "out", "err", "code" } do
    paths[name] = os.tmpname()
  end
  return paths
end

-- Runs a shell command with `input` as its standard input. Returns stdout,
-- stderr and the exit code, which is 124 when the time ran out and 128 plus
-- the signal's number when the process was killed. Options: `timeout` in
-- seconds, `prefix` for words in front of the command such as "prlimit ...",
-- `tools` for a command of the system: no sanitizer goes with it.
function proc.shell(command, input, options)
  local paths = temporary_files()
  files.write(paths.input, input or "")
  os.execute(script(command, paths, options or {}))
  local out, err = files.contents(paths.out), files.contents(paths.err)
  local code = tonumber(files.contents(paths.code))
  for _, path in pairs(paths) do os.remove(path) end
  return out, err, code
end

-- Runs the program `text`, which may take the standard input's place because
-- a file may be out of reach for a process with other rights.
function proc.run(text, options)
  return proc.shell(quoted(files.interpreter()) .. " -", text, options)
end

-- What the program `text` says that runs behind the words in `prefix`, and has
-- to succeed and to keep quiet on stderr.
function proc.said(prefix, text)
  local out, err, code = proc.run(text, { prefix = prefix })
  assert.are.same({ "", 0 }, { err, code }, out)
  return out
end

-- Runs the program `text`; expects what it writes and its exit code. Returns
-- what it has written to stderr.
function proc.gives(expected, code, text, options)
  local out, err, real_code = proc.run(text, options)
  assert.are.same({ expected, code }, { out, real_code }, text .. err)
  return err
end

-- Runs busted with the arguments in `words`.
function proc.busted(words, options)
  local runner = arg[0]:find("busted", 1, true) and arg[0] or "/usr/bin/busted"
  return proc.shell(
    files.command { files.interpreter(), runner, lua.unpack(words) }, nil,
    options)
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
