-- SPDX-License-Identifier: MIT
--
-- check.lua [large]: checks the models of the engine with Spin. Run from the
-- source directory.
--
-- A model lies beside the code it is a model of (runtime/*.pml,
-- channels/*.pml). Lines of its head name scenarios, all of which are explored
-- to the end, and mistakes, each of which has to be found in its scenario:
--
--    * scenario NAME: what happens
--    * mistake NAME in SCENARIO: what is done wrong
--
-- In the model these names are conditions. `large` chooses larger bounds
-- (LARGE is defined), for the scenarios alone.
--
-- So that a model does not stay behind when the code goes on, its comments
-- quote the code, and what is quoted has to be found there, but for the white
-- space, comments, and what the quotation leaves out by " ... ":
--
--    /* FILE, FUNCTION: TEXT */

local files = require "support.files"

local read, lines_of = files.contents, files.lines_of

local large = arg[1] == "large"
local work = os.getenv("MODELS_WORK") or "build/models"
-- States that are still to be left, and the size of the table of those seen;
-- mistakes are found soon.
local depth, table_bits = large and 1000000 or 10000, large and 24 or 19
local mistake_table_bits = 16
local failures = 0

local function fail(format, ...)
  failures = failures + 1
  print("FAILED: " .. format:format(...))
end

local here = lines_of("pwd")[1]

-- ---- what is quoted ----

local function squeeze(text)
  return (text:gsub("/%*.-%*/", ""):gsub("%s+", ""))
end

-- The text of a function: from its name at the beginning of a declaration to
-- the brace that ends it.
local function find_function(source, name)
  local at = 1
  while true do
    local first, last = source:find("\n[%a][^\n;{}]-[ *]" .. name .. "%b()\n{",
                                    at)
    if not first then return nil end
    local close = source:find("\n}", last, true)
    if close then return source:sub(first, close) end
    at = last
  end
end

local sources = {}

local function source_of(file)
  if sources[file] == nil then
    sources[file] = false
    for _, folder in ipairs { "runtime", "channels", "tests/support" } do
      local handle = io.open(folder .. "/" .. file)
      if handle then
        handle:close()
        sources[file] = "\n" .. read(folder .. "/" .. file)
      end
    end
  end
  return sources[file]
end

local function is_quoted(file, name, quotation)
  local source = source_of(file)
  if not source then return false, "no such file" end
  local body = find_function(source, name)
  if not body then return false, "no such function" end
  body = squeeze(body)
  local at = 1
  for part in (quotation .. " ... "):gmatch("(.-) %.%.%. ") do
    local first, last = body:find(squeeze(part), at, true)
    if not first then return false, "no longer there" end
    at = last + 1
  end
  return true
end

local function check_quotations(model)
  local count = 0
  for file, name, quotation in model.text:gmatch(
    "/%* ([%l_]+%.[ch]), ([%l%d_]+): (.-) %*/") do
    count = count + 1
    local good, why = is_quoted(file, name, quotation)
    if not good then
      fail("%s: %s, %s: %s: %s", model.path, file, name, why, quotation)
    end
  end
  if count == 0 then fail("%s quotes nothing", model.path) end
  model.quotations = count
end

-- ---- models ----

local function load_model(path)
  local model = {
    path = path, name = path:match("([%w_]+)%.pml$"), text = read(path),
    scenarios = {}, mistakes = {}, number = {}, runs = {},
  }
  for name in model.text:gmatch("\n %* scenario ([%u_]+):") do
    table.insert(model.scenarios, name)
    table.insert(model.runs, name)
    model.number[name] = #model.scenarios
  end
  for name, scenario in model.text:gmatch(
    "\n %* mistake ([%u_]+) in ([%u_]+):") do
    table.insert(model.mistakes, { name = name, scenario = scenario })
    table.insert(model.runs, name)
    model.number[name] = #model.mistakes
  end
  model.folder = work .. "/" .. model.name
  return model
end

local function names_of(model)
  local options = {}
  for number, name in ipairs(model.scenarios) do
    options[#options + 1] = ("-D%s=\"'(scenario==%d)'\""):format(name, number)
  end
  for number, mistake in ipairs(model.mistakes) do
    options[#options + 1] =
      ("-D%s=\"'(mistake==%d)'\""):format(mistake.name, number)
  end
  if large then options[#options + 1] = "-DLARGE" end
  return table.concat(options, " ")
end

-- A fresh folder: the checker of an earlier version must not be run. For a
-- second of search the compiler's optimisation takes longer than it saves.
local function build_command(model)
  return ("rm -rf %s && mkdir -p %s && cd %s && mkdir %s && { spin -a %s %s/%s "
          .. "&& cc %s -w -DSAFETY -DVECTORSZ=2048 -DMEMLIM=%d -o pan "
          .. "pan.c; "
          .. "} >build.log 2>&1"):format(
    model.folder, model.folder, model.folder, table.concat(model.runs, " "),
    names_of(model),
    here, model.path, large and "-O2" or "-O0", large and 12000 or 1500)
end

-- Each run has a folder of its own, for the trail.
local function run_command(model, name, scenario, mistake)
  return ("(ulimit -t %d; cd %s/%s && SCENARIO=%d MISTAKE=%d "
          .. "../pan -n -m%d -w%d >log 2>&1)"
          .. "; echo $? >%s/%s/status"):format(
    large and 36000 or 300, model.folder, name, model.number[scenario],
    mistake, depth,
    mistake > 0 and mistake_table_bits or table_bits, model.folder, name)
end

-- Two at a time.
local function in_parallel(commands)
  local pipe = assert(io.popen("xargs -0 -P 2 -n 1 sh -c", "w"))
  pipe:write(table.concat(commands, "\0"))
  pipe:close()
end

-- What the checker says; it succeeds also if it has found errors.
local function result_of(model, name)
  local folder = model.folder .. "/" .. name
  local log, status = read(folder .. "/log"), read(folder .. "/status")
  local result = {
    states = tonumber(log:match("([%d.e+]+) states, stored")),
    depth = tonumber(log:match("depth reached (%d+)")),
    errors = tonumber(log:match("errors: (%d+)")),
    seconds = tonumber(log:match("elapsed time ([%d.]+)")),
    found = log:match("pan:%d+: ([^\n]-) %(at depth %d+%)"),
    whole = status == "0\n" and not log:find("max search depth too small")
      and not log:find("out of memory") and not log:find("interrupted"),
  }
  if not result.errors then result.whole = false end
  return result
end

-- ---- all of it ----

local function report_scenario(model, scenario)
  local result = result_of(model, scenario)
  print(("  %-20s %9d states  depth %4d  errors %d %7.2f s"):format(
    scenario, result.states or 0, result.depth or 0, result.errors or -1,
    result.seconds or 0))
  if not result.whole then
    fail("%s, %s: the search did not come to its end", model.path, scenario)
  elseif result.errors > 0 then
    fail("%s, %s: %s; see %s/%s", model.path, scenario, result.found,
         model.folder, scenario)
  end
  return result
end

local function report_mistake(model, mistake)
  local result = result_of(model, mistake.name)
  local found = result.errors and result.errors > 0 and result.found
  if found then
    print(("  %-20s found in %s: %s"):format(mistake.name, mistake.scenario,
                                             found:sub(1, 50)))
  else
    fail("%s, %s: nothing found in %s", model.path, mistake.name,
         mistake.scenario)
  end
end

local models, builds, runs = {}, {}, {}
for _, path in ipairs(lines_of("ls runtime/*.pml channels/*.pml")) do
  models[#models + 1] = load_model(path)
end
for _, model in ipairs(models) do
  check_quotations(model)
  builds[#builds + 1] = build_command(model)
  for _, scenario in ipairs(model.scenarios) do
    runs[#runs + 1] = run_command(model, scenario, scenario, 0)
  end
  -- One after the other: to start a process takes longer than most of these.
  local all = {}
  for number, mistake in ipairs(large and {} or model.mistakes) do
    all[number] = run_command(model, mistake.name, mistake.scenario, number)
  end
  runs[#runs + 1] = table.concat(all, "\n")
end
in_parallel(builds)
in_parallel(runs)

local total = { states = 0, scenarios = 0, mistakes = 0, seconds = 0 }
for _, model in ipairs(models) do
  print(("%s, with %d quotations"):format(model.path, model.quotations))
  local log = read(model.folder .. "/build.log")
  if not io.open(model.folder .. "/pan") then
    fail("%s: cannot be built: %s", model.path, log)
  else
    for _, scenario in ipairs(model.scenarios) do
      local result = report_scenario(model, scenario)
      total.states = total.states + (result.states or 0)
      total.seconds = total.seconds + (result.seconds or 0)
      total.scenarios = total.scenarios + 1
    end
    for _, mistake in ipairs(large and {} or model.mistakes) do
      report_mistake(model, mistake)
      total.mistakes = total.mistakes + 1
    end
  end
end
if total.scenarios == 0 then fail("there are no models") end
print(("%d models, %d scenarios, %d states, %.0f s; %d mistakes, %s"):format(
  #models, total.scenarios, total.states, total.seconds, total.mistakes,
  failures == 0 and "all found" or "not all found: " .. failures
    .. " FAILURES"))
os.exit(failures == 0)
