-- SPDX-License-Identifier: MIT
-- What a program costs that no other program on the machine can change: its
-- system calls, by strace, and its instructions, by valgrind.

local busted = require "busted"
local files = require "support.files"
local proc = require "spec.support.proc"

local costs = {}

local function directory()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir " .. path))
  return path
end

-- Why the command cannot be put in front of a program here; nil if it can. It
-- may be missing, or forbidden, as strace is in some containers.
local function obstacle(command)
  if proc.sanitizer() then return "a sanitizer has costs of its own" end
  local _, _, code = proc.shell(command .. " true")
  return code ~= 0 and command:match("%S+") .. " is missing, or does not work"
    or nil
end

local function run(text, prefix)
  local out, err, code = proc.run(text, { prefix = prefix, timeout = 100 })
  if out ~= "done\n" or code ~= 0 then
    error(("the program fails: %s%s(exit code %d)"):format(out, err, code), 0)
  end
end

-- ---- system calls ----

-- For the program: `mark(name)` begins what is counted under that name, and
-- `mark()` ends it. A file that cannot be there is looked for.
local STRACE_MARK = [[
  local function mark(name) io.open("/mark/" .. (name or "")) end ]]

-- The other threads are left alone: they come and go as they like. Whether
-- reading the clock is a system call depends on the machine.
local function is_meant(thread, main, call)
  return thread == main and not call:find("^clock_gettime")
    and not call:find("^<... openat resumed")
end

-- Why system calls cannot be counted; nil if they can.
function costs.no_system_calls()
  return obstacle("strace -f -o /dev/null")
end

-- The system calls of the program's main thread, by names of marks: lists of
-- strings.
function costs.system_calls(program)
  local path = os.tmpname()
  run(STRACE_MARK .. program, "strace -f -o " .. path)
  local found, main, calls = {}, nil, nil
  for line in io.lines(path) do
    local thread, call = line:match("^(%d+) +(.*)$")
    local name = call:match('"/mark/([^"]*)"')
    if name then
      main = thread
      if name ~= "" then found[name] = found[name] or {} end
      calls = found[name]
    elseif calls and is_meant(thread, main, call) then
      calls[#calls + 1] = call
    end
  end
  os.remove(path)
  return found
end

-- ---- instructions ----

local CALLGRIND = "valgrind --tool=callgrind"

-- For the program: `mark()` is where counting begins anew.
local CALLGRIND_MARK = [[
  local native = require "bench_native"
  local mark = native.mark ]]

-- Why instructions cannot be counted; nil if they can.
function costs.no_instructions()
  return obstacle(CALLGRIND .. " --callgrind-out-file=/dev/null")
end

-- How many instructions the program executes between one mark and the next, as
-- a list. Garbage is collected only when the program says so.
function costs.instructions(program)
  local path = directory()
  run("collectgarbage('stop')" .. CALLGRIND_MARK .. program,
    CALLGRIND .. " --dump-before=native_mark --callgrind-out-file="
    .. path .. "/counts 2>&1")
  -- The first is what comes before the first mark.
  local counts = {}
  for i = 2, math.huge do
    local name = ("%s/counts.%d"):format(path, i)
    local file = io.open(name)
    if not file then break end
    file:close()
    counts[i - 1] = tonumber(files.contents(name):match("\ntotals: (%d+)"))
  end
  os.execute("rm -r " .. path)
  return counts
end

-- ---- budgets ----

-- Fails if what was measured exceeds its budget, and says what to do.
function costs.within(budget, measured, what)
  if measured <= budget then return end
  busted.fail(([[%s: measured %.3f, and the budget is %.3f.
If nothing was meant to get slower, look at what the last change has added:
%s shows, function by function, what a program
executes; do it before and after the change and compare the two by
callgrind_annotate. If what was added is worth it, or the compiler or Lua is
another one, give the budget another value in spec/costs_spec.lua, and say
there why.]]):format(what, measured, budget, CALLGRIND), 2)
end

return costs
