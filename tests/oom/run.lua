-- SPDX-License-Identifier: MIT
-- Runs the scenarios, with the first allocation failing, the second, ... until
-- one run passes untouched; each alone, and with all that follow. Prints what
-- failed, the figures last.
--
--   run.lua [--only PATTERN] [--stride N] [--quick]
--
-- With a stride only each N-th allocation fails, from a different one on in
-- each scenario. `--quick` stops at the first problem, and begins with what
-- shows most problems: allocations that fail for good.

local faults = require "faults"

local folder = (arg and arg[0] or debug.getinfo(1, "S").source:sub(2))
  :match "^(.*/)" or "./"

local options = { stride = 1, modes = { "once", "for good" } }
do
  local words, i = { ... }, 1
  while words[i] do
    if words[i] == "--quick" then
      options.quick, options.modes = true, { "for good", "once" }
    elseif words[i] == "--only" then
      i = i + 1
      options.only = words[i]
    elseif words[i] == "--stride" then
      i = i + 1
      options.stride = assert(tonumber(words[i]))
    else
      error("unknown option: " .. words[i])
    end
    i = i + 1
  end
end

local PROGRAM = string.dump(assert(loadfile(folder .. "attempt.lua")))
local KINDS = { "lua", "heap", "memory", "system" }
-- More allocations than any scenario makes.
local MOST = 20000

local total = { attempts = 0, raised = 0, problems = 0, rows = 0 }
for _, kind in ipairs(KINDS) do total[kind] = 0 end
local start = os.time()

local function mode_of(for_good)
  return for_good and "for good" or "once"
end

local function name_of(scenario, side, for_good, n)
  return ("%s (%s, %s, n = %d)"):format(scenario.name, side, mode_of(for_good),
    n)
end

local function attempt(scenario, side, for_good, n)
  return faults.attempt {
    name = name_of(scenario, side, for_good, n),
    program = PROGRAM, scenario = scenario.code,
    side = side, n = n, for_good = for_good,
    gated = side == "child" and scenario.gated or false,
    apart = scenario.apart,
  }
end

local function complain(scenario, side, for_good, n, result)
  total.problems = total.problems + 1
  if total.problems > 20 then return end
  io.stderr:write(("FAILED: %s\n    %s\n"):format(
    name_of(scenario, side, for_good, n),
    (result.text:gsub("\n", "\n    "))))
end

-- In the interpreter nobody knows what the library keeps for later, which is
-- not much: what is leaked is leaked again and again.
local REPEATS = faults.linked and 0 or 8

local function attempt_again(...)
  local result = attempt(...)
  for _ = 1, REPEATS do
    if result.good or not result.text:find "^leaked" then break end
    result = attempt(...)
  end
  return result
end

local function run(scenario, side, for_good, first)
  local row = { attempts = 0, raised = 0 }
  local n = first
  -- The caches of the process fill.
  local warm = attempt_again(scenario, side, for_good, 0)
  if not warm.good then
    complain(scenario, side, for_good, 0, warm)
    return
  end
  repeat
    local result = attempt_again(scenario, side, for_good, n)
    if result.hits > 0 then
      row.attempts = row.attempts + 1
      if result.raised then row.raised = row.raised + 1 end
      for _, kind in ipairs(KINDS) do
        total[kind] = total[kind] + result[kind]
      end
    end
    if not result.good then
      complain(scenario, side, for_good, n, result)
      if options.quick then break end
    end
    n = n + options.stride * (scenario.stride or 1)
    assert(n < MOST, "there is no end to it")
  until result.hits == 0
  total.attempts = total.attempts + row.attempts
  total.raised = total.raised + row.raised
  total.rows = total.rows + 1
  print(("%-52s %-6s %-8s %5d %5d"):format(scenario.name, side,
    mode_of(for_good), row.attempts, row.raised))
end

faults.begin()
io.stdout:setvbuf "line"
print(("%-52s %-6s %-8s %5s %5s"):format("scenario", "side", "mode", "fails",
  "raise"))
local scenarios = assert(loadfile(folder .. "scenarios.lua"))
for number, scenario in ipairs(scenarios(folder .. "scenarios/")) do
  if not options.only or scenario.name:find(options.only) then
    scenario.code = string.dump(scenario.scenario)
    for _, side in ipairs(scenario.sides or { "parent" }) do
      for _, mode in ipairs(scenario.modes or options.modes) do
        local for_good = mode == "for good"
        if not options.quick or total.problems == 0 then
          run(scenario, side, for_good, 1 + number % options.stride)
        end
      end
    end
  end
end

local parts = {}
for _, kind in ipairs(KINDS) do
  parts[#parts + 1] = ("%d %s"):format(total[kind], kind)
end
print(("oom (%s): %d calls failed (%s) in %d attempts of %d rows, %d raised, "
  .. "%d problems; %d s"):format(faults.linked and "linked" or "interpreter",
    total.lua + total.heap + total.memory + total.system,
    table.concat(parts, ", "), total.attempts, total.rows, total.raised,
    total.problems, os.time() - start))

local good = total.problems == 0 and total.rows > 0
if not faults.linked then os.exit(good, true) end
return good
