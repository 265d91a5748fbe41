-- SPDX-License-Identifier: MIT
--
-- Runs the measurements: see docs/benchmarks.md, or --help.

local usage = [[
usage: lua bench/run.lua [--quick] [--only PATTERN] [--alone] [--json FILE]
                         [--list]

  --quick         fewer rounds and rows
  --only PATTERN  only rows whose "group: name" the Lua pattern matches; may be
                  repeated
  --alone         without other libraries with threads, beside floors only
  --json FILE     writes all samples to the file
  --list          prints the rows and measures nothing
  -h, --help      prints this text

LLTHREADS2_PEER may name a directory in which another implementation of
llthreads2 lies (?.lua and ?.so), to be measured beside this one.

Exit status: 0 measured, 1 something went wrong, 2 bad usage.
]]

local root = arg[0]:match("^(.*)bench/[^/]*$") or "../"
package.path = root .. "?.lua;" .. root .. "lua/?.lua;" .. package.path

local names = require "bench.support.names"

local groups = { "threads", "copy", "channels" }

-- How carefully: see support/measure.lua for the first four. `includes` has the
-- modes whose rows are measured; the others are numbers of threads, rounds,
-- messages and milliseconds, and the nanoseconds of a sample with threads.
local modes = {
  full = { name = "full", rounds = 5, most = 21, seconds = 0.7, sample = 5e6,
    includes = { tiny = true, quick = true, full = true },
    burst = 1000, idle = 1000, idle_ms = 1000, stream = 3e7, depth = 100000,
    ping_pongs = 10000, parked = 200 },
  quick = { name = "quick", rounds = 3, most = 5, seconds = 0.3, sample = 2e6,
    includes = { tiny = true, quick = true },
    burst = 300, idle = 300, idle_ms = 300, stream = 1e7, depth = 10000,
    ping_pongs = 3000, parked = 50 },
  tiny = { name = "tiny", rounds = 2, most = 2, seconds = 0, sample = 1e4,
    includes = { tiny = true },
    burst = 5, idle = 5, idle_ms = 5, stream = 1e4, depth = 100,
    ping_pongs = 20, parked = 5 },
}

local function refuse(problem)
  io.stderr:write("run: ", problem, " (try --help)\n")
  os.exit(2)
end

local function checked(pattern)
  local ok, problem = pcall(string.find, "", pattern)
  return ok and pattern or refuse("--only: " .. problem)
end

local function parse(words)
  local options, i = { mode = modes.full, only = {} }, 1
  local function value()
    i = i + 1
    return words[i] or refuse(words[i - 1] .. ": nothing follows")
  end
  while words[i] do
    local word = words[i]
    if word == "--quick" then options.mode = modes.quick
    elseif word == "--tiny" then options.mode = modes.tiny
    elseif word == "--only" then table.insert(options.only, checked(value()))
    elseif word == "--json" then options.json = value()
    elseif word == "--alone" then options.alone = true
    elseif word == "--list" then options.list = true
    elseif word == "-h" or word == "--help" then options.help = true
    else refuse("unknown option: " .. word) end
    i = i + 1
  end
  return options
end

local function wanted(row, options)
  return options.mode.includes[row.mode or "tiny"]
    and names.is_chosen(names.of(row), options.only)
end

local function chosen_rows(options)
  local rows = {}
  for _, group in ipairs(groups) do
    for _, row in ipairs(require("bench." .. group)) do
      if wanted(row, options) then rows[#rows + 1] = row end
    end
  end
  return rows
end

local function print_head(description, skipped)
  for _, line in ipairs(description) do
    print(("%-20s%s"):format(line[1], line[2]))
  end
  for _, line in ipairs(skipped) do
    print(("%-20s%s"):format("without", line[1] .. ": " .. line[2]))
  end
  print()
end

local function measure_all(rows, suite)
  local progress = require "bench.support.progress"
  local report = require "bench.support.report"
  local measure = require "bench.support.row".measure
  local records = {}
  for number, row in ipairs(rows) do
    records[number] = measure(row, suite, function(round)
      progress.show(number, #rows, names.of(row), round)
    end)
    progress.clear()
    print(report.text(records[number]))
    io.stdout:flush()
  end
  return records
end

-- Opened before anything is measured, so that no run is in vain.
local function open_json(path)
  if not pcall(require, "cjson") then refuse("--json needs lua-cjson") end
  local file, problem = io.open(path, "w")
  return file or refuse(problem)
end

local function write_json(file, document)
  assert(file:write(require "cjson".encode(document), "\n"))
  assert(file:close())
end

local function main(options)
  if options.help then return io.write(usage) end
  local rows = chosen_rows(options)
  if #rows == 0 then refuse("no row matches") end
  if options.list then
    for _, row in ipairs(rows) do print(names.of(row)) end
    return
  end
  local file = options.json and open_json(options.json)
  local now = require "bench_native".now
  local description = require "bench.support.machine".describe()
  local adapters, skipped =
    require "bench.support.contestants".load(options.alone)
  print_head(description, skipped)
  local suite = { mode = options.mode, adapters = adapters }
  local start = now()
  local records = measure_all(rows, suite)
  print(("%d rows in %.0f s"):format(#rows, (now() - start) / 1e9))
  if file then
    write_json(file, {
      mode = options.mode.name,
      machine = description,
      skipped = skipped,
      rows = records,
    })
  end
end

main(parse(arg))
