-- SPDX-License-Identifier: MIT
--
-- Measures the main rows in several Luas: each row in the first, the second and
-- so on, in a process of its own, and all of that again. They must have been
-- built, as by make bench-quick LUA=...

local usage = [[
usage: lua bench/luas.lua [--times N] [--only PATTERN] FILE LUA...

  FILE            gets all samples, for bench/publish.lua
  LUA             5.1, 5.2, 5.3, 5.4 or luajit
  --times N       measures everything so many times; otherwise twice
  --only PATTERN  only rows whose "group: name" the Lua pattern matches; may be
                  repeated

Exit status: 0 measured, 1 something went wrong, 2 bad usage.
]]

local root = arg[0]:match("^(.*)bench/[^/]*$") or "../"
package.path = root .. "?.lua;" .. package.path

local files = require "support.files"
local json = require "cjson"
local lua = require "support.lua"
local report = require "bench.support.report"
local names = require "bench.support.names"

-- Each with the `id` of the floor that it is beside.
local ROWS = {
  { "threads: new, start, join", "both" },
  { "threads: joined, many at once", "both" },
  { "threads: detached, many at once", "both" },
  { "threads: memory of an idle thread", "floor" },
  { "copy: 100,000 integers, argument", "plain" },
  { "copy: 100,000 integers, round trip", "plain" },
  { "copy: 100,000 floats, argument", "plain" },
  { "copy: 100,000 floats, round trip", "plain" },
  { "copy: 10,000 records, argument", "plain" },
  { "copy: 10,000 records, round trip", "plain" },
  { "copy: 50,000 map entries, argument", "plain" },
  { "copy: 50,000 map entries, round trip", "plain" },
  { "copy: 10,000 tree nodes, argument", "plain" },
  { "copy: 10,000 tree nodes, round trip", "plain" },
  { "copy: 10,000 short strings, argument", "plain" },
  { "copy: 10,000 short strings, round trip", "plain" },
  { "copy: 16,000,000 bytes in one string, argument", "plain" },
  { "copy: 16,000,000 bytes in one string, round trip", "plain" },
  { "channels: 1 -> 1", "mailbox" },
  { "channels: 4 -> 1", "mailbox" },
  { "channels: 1 -> 4", "mailbox" },
  { "channels: 4 -> 4", "mailbox" },
  { "channels: 1 -> 1, capacity 64", "unbounded" },
  { "channels: 1 -> 1, a string of 1,000 bytes" },
  { "channels: 1 -> 1, a record" },
  { "channels: 1 -> 1, a list of 100 integers" },
  { "channels: ping-pong, both sides running", "spin" },
  { "channels: ping-pong, both sides parked", "futex" },
  { "channels: select over 2 channels" },
  { "channels: select over 200 channels" },
}

local function refuse(problem)
  io.stderr:write("luas: ", problem, " (try --help)\n")
  os.exit(2)
end

local function parse(words)
  local options, i = { times = 2, only = {}, luas = {} }, 1
  while words[i] do
    local word = words[i]
    if word == "--times" then
      i = i + 1
      options.times = tonumber(words[i]) or refuse("--times: a number expected")
    elseif word == "--only" then
      i = i + 1
      table.insert(options.only,
        words[i] or refuse("--only: nothing follows"))
    elseif word == "-h" or word == "--help" then options.help = true
    elseif word:find("^%-") then refuse("unknown option: " .. word)
    else table.insert(options.luas, word) end
    i = i + 1
  end
  options.file = table.remove(options.luas, 1)
  return options
end

-- As in the Makefile.
local function interpreter_of(name)
  return name == "luajit" and name or "lua" .. name
end

local function build_of(name)
  return name == "5.4" and "release" or interpreter_of(name)
end

-- The document that run.lua writes about one row.
local function measured(name, row)
  local path = os.tmpname()
  local words = { "env",
    ("LUA_PATH=%slua/?.lua;%s?.lua;;"):format(root, root),
    ("LUA_CPATH=%sbuild/%s/?.so;;"):format(root, build_of(name)),
    interpreter_of(name), root .. "bench/run.lua", "--alone", "--json", path,
    "--only", "^" .. row[1]:gsub("%p", "%%%0") .. "$" }
  local status = os.execute(files.command(words) .. " >/dev/null")
  if status ~= true and status ~= 0 then
    error(("%s: %s could not be measured"):format(name, row[1]), 0)
  end
  local document = json.decode(files.contents(path))
  os.remove(path)
  return document
end

-- Of a row's results ours and the floor; of these the samples.
local function wanted(record, floor)
  local results = {}
  for i, result in ipairs(record.results) do
    if i == 1 or floor and result.id == floor then
      results[#results + 1] = { name = result.name, id = result.id,
        samples = result.samples }
    end
  end
  return { group = record.group, name = record.name, unit = record.unit,
    facts = record.facts, results = results }
end

local function tell(name, row)
  print(("%-8s%-52s%10s%10s"):format(name, names.of(row), report.brief(row)))
  io.stdout:flush()
end

-- The rows of all Luas, as they stand; adds the samples of one more row.
local function add(document, place, row)
  local rows = document.rows
  if not rows[place] then
    rows[place] = row
    return
  end
  for i, result in ipairs(rows[place].results) do
    lua.append(result.samples, row.results[i].samples)
  end
end

-- What else the machine has had to do.
local function load_before()
  return { "load before", files.contents("/proc/loadavg"):match("%S+") }
end

local function measure_all(rows, options)
  local documents, before = {}, load_before()
  for _ = 1, options.times do
    for place, row in ipairs(rows) do
      for i, name in ipairs(options.luas) do
        local made = measured(name, row)
        local record = wanted(made.rows[1], row[2])
        documents[i] = documents[i] or { machine = made.machine, rows = {} }
        add(documents[i], place, record)
        tell(name, record)
      end
    end
  end
  for _, document in ipairs(documents) do
    table.insert(document.machine, before)
  end
  return documents
end

local function main(options)
  if options.help then return io.write(usage) end
  if #options.luas == 0 then refuse("a file and a Lua expected") end
  local rows = {}
  for _, row in ipairs(ROWS) do
    if names.is_chosen(row[1], options.only) then rows[#rows + 1] = row end
  end
  if #rows == 0 then refuse("no row matches") end
  local file = io.open(options.file, "w") or refuse(options.file
    .. " cannot be written")
  file:write(json.encode { luas = measure_all(rows, options) }, "\n")
  file:close()
end

main(parse(arg))
