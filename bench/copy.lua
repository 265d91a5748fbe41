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

-- Each kind with its sizes, by the mode of the suite that measures it first,
-- and the sizes from which on the goals count.
local kinds = {
  { "integer, alone", sizes = { full = { 1 } } },
  { "integers", sizes = { tiny = { 10 }, quick = { 1000, 100000 },
    full = { 100, 10000, 1000000 } }, goals = structured, from = 10000 },
  { "floats", sizes = { full = { 10, 1000, 100000, 1000000 } },
    goals = structured, from = 10000 },
  { "records", sizes = { tiny = { 10 }, quick = { 10000 },
    full = { 100, 1000, 100000 } }, goals = structured, from = 10000 },
  { "map entries", sizes = { quick = { 50000 },
    full = { 10, 1000, 1000000 } }, goals = structured, from = 10000 },
  { "tree nodes", sizes = { quick = { 10000 },
    full = { 10, 1000, 100000 } }, goals = structured, from = 10000 },
  { "short strings", sizes = { quick = { 10000 },
    full = { 10, 1000, 100000, 1000000 } }, goals = structured, from = 10000 },
  { "strings of 10 KB", sizes = { full = { 10, 1000 } } },
  { "bytes in one string", sizes = { quick = { 16000000 },
    full = { 10, 10000 } }, goals = large_string, from = 16000000 },
}

-- What comes back must be what went out, by its size.
local function checked(adapter, value)
  local bytes, values = payloads.size(value)
  return function(times)
    local back
    for _ = 1, times do back = adapter.round_trip(value) end
    local back_bytes, back_values = payloads.size(back)
    assert(back_bytes == bytes and back_values == values,
      "what comes back is not what went out")
  end
end

local function by_adapters(suite, way, value)
  return contestants.from(suite.adapters, way, function(adapter)
    return {
      run = way == "round_trip" and checked(adapter, value)
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

local function row(way, kind, size)
  local title = way:gsub("_", " ")
  local goals = kind.goals and size >= kind.from and kind.goals[way]
  return {
    group = "copy",
    name = ("%s %s, %s"):format(units.count(size), kind[1], title),
    series = kind[1] .. ", " .. title,
    x = size,
    columns = "copy",
    goals = goals or nil,
    make = function(suite) return make(suite, way, kind[1], size) end,
  }
end

-- The sizes of a kind that belong to the mode, in ascending order.
local function sizes_of(kind, mode)
  local sizes = {}
  for _, name in ipairs(mode.includes) do
    for _, size in ipairs(kind.sizes[name] or {}) do
      sizes[#sizes + 1] = size
    end
  end
  table.sort(sizes)
  return sizes
end

return function(mode)
  local rows = {}
  for _, kind in ipairs(kinds) do
    for _, size in ipairs(sizes_of(kind, mode)) do
      for _, way in ipairs { "argument", "round_trip" } do
        rows[#rows + 1] = row(way, kind, size)
      end
    end
  end
  return rows
end
