-- SPDX-License-Identifier: MIT
--
-- Group "copy": values that go into a thread as its argument, and come back as
-- its result.
--
-- What is timed is the whole call: new, start and join. In each round the same
-- is timed without a value, and the difference is the copy. The plain copy, a
-- floor in C, is treated alike: it makes a state with its libraries and a
-- thread, too. Those that start no thread stand for the copy alone.

local contestants = require "bench.support.contestants"
local native = require "bench_native"
local payloads = require "bench.payloads"
local units = require "bench.support.units"

local repeated = contestants.repeated

-- What the goals of structured values are, and of large strings.
local structured = {
  argument = { { to = "peer", at_most = 0.6 },
    { to = "plain", at_most = 0.75 } },
  round_trip = { { to = "peer", at_most = 0.6 },
    { to = "plain", at_most = 0.75 } },
}
local large_string = {
  argument = { { to = "peer", at_most = 1.0 } },
  round_trip = { { to = "peer", at_most = 1.2 } },
}

-- Each kind with its sizes, the first mode that measures each, and the only way
-- if it is not measured in both: some take long. The goals count `from` a size
-- on.
local kinds = {
  { "integer, alone", sizes = { { 1, "full" } } },
  { "integers", goals = structured, from = 10000,
    sizes = { { 10, "tiny" }, { 100, "full" }, { 1000, "quick" },
      { 10000, "full" }, { 100000, "quick" }, { 1000000, "full" } } },
  { "floats", goals = structured, from = 10000,
    sizes = { { 10, "full" }, { 1000, "full" }, { 100000, "full" },
      { 1000000, "full", "argument" } } },
  { "records", goals = structured, from = 10000,
    sizes = { { 10, "tiny" }, { 100, "full" }, { 1000, "full" },
      { 10000, "quick" }, { 100000, "full" } } },
  { "map entries", goals = structured, from = 10000,
    sizes = { { 10, "full" }, { 1000, "full" }, { 50000, "quick" },
      { 500000, "full", "argument" } } },
  { "tree nodes", goals = structured, from = 10000,
    sizes = { { 10, "full" }, { 1000, "full" }, { 10000, "quick" },
      { 100000, "full" } } },
  { "short strings", goals = structured, from = 10000,
    sizes = { { 10, "full" }, { 1000, "full" }, { 10000, "quick" },
      { 100000, "full" }, { 1000000, "full", "argument" } } },
  { "strings of 10 KB", sizes = { { 10, "full" }, { 1000, "full" } } },
  { "bytes in one string", goals = large_string, from = 16000000,
    sizes = { { 10, "full" }, { 10000, "full" }, { 16000000, "quick" } } },
}

-- What comes back the first time, which is not measured, must be what went out,
-- by its size.
local function checked(round_trip, value)
  local bytes, values = payloads.size(value)
  local run = repeated(round_trip, value)
  return function(times)
    if bytes then
      local back_bytes, back_values = payloads.size(round_trip(value))
      assert(back_bytes == bytes and back_values == values,
        "what comes back is not what went out")
      bytes = nil
    end
    run(times)
  end
end

local function by_adapters(suite, way, value)
  return contestants.from(suite.adapters, way, function(adapter)
    return {
      run = way == "round_trip" and checked(adapter.round_trip, value)
        or repeated(adapter[way], value),
      without = repeated(adapter.thread),
    }
  end)
end

local function plain(name, id, way, value, tracked)
  local copy = native["plain_" .. way]
  return {
    name = name,
    id = id,
    run = repeated(copy, value, tracked),
    without = repeated(copy, nil, tracked),
  }
end

-- lua-cjson, if it is there: what one does who can send nothing but strings.
local function by_json(value, ways)
  local ok, json = pcall(require, "cjson")
  if not ok then return nil end
  return {
    name = "lua-cjson: encode, decode",
    label = "lua-cjson",
    id = "cjson",
    run = function(times)
      for _ = 1, times * ways do json.decode(json.encode(value)) end
    end,
  }
end

local function by_memcpy(bytes, ways)
  return {
    name = "memcpy",
    id = "memcpy",
    run = function(times) return native.memcpy(bytes, times * ways) end,
  }
end

local function make(suite, way, kind, size)
  local value = payloads.make(kind, size)
  local bytes, values = payloads.size(value)
  local ways = way == "round_trip" and 2 or 1
  local list = by_adapters(suite, way, value)
  list[#list + 1] = plain("plain copy", "plain", way, value, false)
  list[#list + 1] = plain("plain copy, cycles tracked", "tracked", way, value,
    true)
  list[#list + 1] = by_memcpy(bytes, ways)
  list[#list + 1] = by_json(value, ways)
  return list, { bytes = bytes, values = values }
end

local function row(way, kind, size, mode)
  local title = way:gsub("_", " ")
  local goals = kind.goals and size >= kind.from and kind.goals[way]
  return {
    group = "copy",
    name = ("%s %s, %s"):format(units.count(size), kind[1], title),
    series = kind[1] .. ", " .. title,
    x = size,
    mode = mode,
    columns = "copy",
    goals = goals or nil,
    make = function(suite) return make(suite, way, kind[1], size) end,
  }
end

local rows = {}
for _, kind in ipairs(kinds) do
  for _, size in ipairs(kind.sizes) do
    for _, way in ipairs { "argument", "round_trip" } do
      if not size[3] or size[3] == way then
        rows[#rows + 1] = row(way, kind, size[1], size[2])
      end
    end
  end
end

return rows
