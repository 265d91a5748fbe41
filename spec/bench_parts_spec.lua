-- SPDX-License-Identifier: MIT
-- The parts of the benchmark suite: its arithmetic on samples made by hand, and
-- the small things that its programs share.

local files = require "support.files"
local native = require "bench_native"
local lua = require "support.lua"
local measure = require "bench.support.measure"
local packing = require "bench.support.packing"
local payloads = require "bench.payloads"
local report = require "bench.support.report"
local row = require "bench.support.row"
local statistics = require "bench.support.statistics"
local units = require "bench.support.units"

local function close_to(expected, value)
  assert.is_true(math.abs(expected - value) < 1e-9,
    expected .. " expected, but it is " .. tostring(value))
end

describe("a percentile", function()
  it("of one sample is that sample", function()
    for _, p in ipairs { 0, 0.5, 0.999, 1 } do
      assert.equal(7, statistics.percentile({ 7 }, p))
    end
  end)

  it("lies between two samples in proportion", function()
    local samples = { 40, 10, 30, 20 }
    close_to(10, statistics.percentile(samples, 0))
    close_to(13, statistics.percentile(samples, 0.1))
    close_to(25, statistics.percentile(samples, 0.5))
    close_to(37, statistics.percentile(samples, 0.9))
    close_to(40, statistics.percentile(samples, 1))
  end)

  it("of many samples finds the rare one", function()
    local samples = {}
    for i = 1, 1000 do samples[i] = i == 500 and 1e6 or 1 end
    assert.equal(1, statistics.percentile(samples, 0.99))
    assert.is_true(statistics.percentile(samples, 0.9999) > 9e5)
  end)

  it("leaves the samples in their order", function()
    local samples = { 3, 1, 2 }
    statistics.summary(samples)
    assert.same({ 3, 1, 2 }, samples)
  end)

  it("of nothing is nil", function()
    assert.is_nil(statistics.percentile({}, 0.5))
  end)
end)

describe("a measurement", function()
  local mode = { rounds = 3, most = 3, seconds = 0, sample = 0 }
  local function nothing() end

  it("takes the contestants in turn", function()
    local order = ""
    local function noting(name)
      return { name = name, times = 1, run = function()
        order = order .. name
      end }
    end
    measure.contestants({ noting("a"), noting("b") }, mode, nothing)
    assert.equal("ab" .. "ababab", order)
  end)

  it("takes the time that a contestant tells, for each and each part",
    function()
      local results = measure.contestants({ { name = "a", times = 2, parts = 5,
        run = function() return 70 end, without = function() return 3 end } },
        mode, nothing)
      assert.same({ 7, 7, 7 }, results[1].samples)
      assert.same({ 3, 3, 3 }, results[1].without)
    end)

  it("keeps the times of all rounds of a list", function()
    local results = measure.contestants({ { name = "a", times = 1,
      run = function() return { 1, 9, 2 } end } }, mode, nothing)
    assert.same({ 2, 2, 2 }, results[1].samples)
    assert.same({ 1, 9, 2, 1, 9, 2, 1, 9, 2 }, results[1].latencies)
  end)

  it("goes on without those that fail, sooner or later", function()
    local runs = 0
    local results, failed = measure.contestants({
      { name = "a", times = 1, run = nothing },
      { name = "b", times = 1, run = function() error("no\ntrace", 0) end },
      { name = "c", times = 1, run = function()
        runs = runs + 1
        if runs == 3 then error("late", 0) end
      end },
    }, mode, nothing)
    assert.equal(1, #results)
    assert.same({ b = "no", c = "late" }, failed)
  end)

  it("fails if the first contestant does", function()
    assert.has_error(function()
      measure.contestants({ { name = "a", times = 1,
        run = function() error("no", 0) end } }, mode, nothing)
    end, "no")
  end)
end)

describe("a ratio", function()
  it("is the median of those of the rounds", function()
    -- The second round was slow for both, and counts as any other.
    close_to(0.5, statistics.ratio({ 1, 50, 3 }, { 2, 100, 4 }).median)
  end)

  it("is of those rounds that both have measured", function()
    close_to(2, statistics.ratio({ 2, 2, 9 }, { 1, 1 }).median)
  end)

  it("compares whole calls of those that start threads", function()
    close_to(0.5, row.ratio({ samples = { 10 }, without = { 8 } },
      { samples = { 20 }, without = { 1 } }).median)
  end)

  it("compares the copy with one that starts none", function()
    close_to(0.1, row.ratio({ samples = { 10 }, without = { 8 } },
      { samples = { 20 } }).median)
  end)
end)

-- The record of a row of two, ours and one other.
local function record(goals, ours, other)
  return row.record({ group = "g", name = "n", goals = goals }, {
    { name = "ours", id = "ours", samples = ours },
    { name = "other", id = "other", samples = other },
  }, {})
end

describe("a goal", function()
  it("to another is reached at its ratio, and missed above", function()
    local goals = { { to = "other", at_most = 0.5 } }
    assert.is_true(record(goals, { 1, 1 }, { 2, 2 }).goals[1].reached)
    assert.is_false(record(goals, { 3, 3 }, { 2, 2 }).goals[1].reached)
  end)

  it("without another is a limit of the median", function()
    local goals = { { at_most = 120 } }
    assert.is_true(record(goals, { 120, 1, 500 }, { 1 }).goals[1].reached)
    assert.is_false(record(goals, { 121 }, { 1 }).goals[1].reached)
  end)

  it("to somebody who does not take part is not measured", function()
    local made = record({ { to = "nobody", at_most = 1 } }, { 1 }, { 1 })
    assert.is_nil(made.goals[1].value)
    assert.is_nil(made.goals[1].reached)
  end)

  it("is printed beside the line it is about", function()
    local text = report.text(record({ { to = "other", at_most = 0.6 },
      { at_most = 2000 } }, { 1000, 1000 }, { 2000, 2000 }))
    assert.is_truthy(text:find("\n  ours[^\n]*goal <= 2.00 us: reached\n"),
      text)
    assert.is_truthy(text:find(
      "\n  other[^\n]*0.50 x[^\n]*goal <= 0.60 x: reached\n"), text)
  end)
end)

describe("the units", function()
  it("are the largest that fit", function()
    assert.equal("999 ns", units.show(999, "ns"))
    assert.equal("1.50 us", units.show(1500, "ns"))
    assert.equal("12.3 ms", units.show(12.3e6, "ns"))
    assert.equal("2.00 s", units.show(2e9, "ns"))
    assert.equal("38.0 KB", units.show(38000, "bytes"))
    assert.equal("-", units.show(nil, "ns"))
  end)

  it("group the digits of a count", function()
    assert.equal("1", units.count(1))
    assert.equal("100", units.count(100))
    assert.equal("1,000,000", units.count(1000000))
  end)
end)

describe("a list", function()
  it("is added at the end of another", function()
    assert.same({ 1, 2, 3 }, lua.append({ 1 }, { 2, 3 }))
    assert.same({ 1 }, lua.append({ 1 }, {}))
  end)
end)

describe("a module", function()
  it("is found where `require` finds it", function()
    local place = lua.searchpath("support.lua", package.path)
    assert.is_truthy(files.contents(place):find("function lua.append", 1, true))
    assert.is_nil((lua.searchpath("bench.no.such", package.path)))
  end)
end)

describe("the description of the machine", function()
  it("says which Lua is measured", function()
    local name
    for _, line in ipairs(require("bench.support.machine").describe()) do
      if line[1] == "Lua" then name = line[2] end
    end
    assert.equal(1, name:find(lua.name, 1, true), name)
  end)
end)

describe("packed values", function()
  it("are taken from bytes as whole messages", function()
    local values, taken = { 7, "text", 1.5, true }, {}
    local format = packing.format_of(values)
    local bytes = packing.pack("<s4", packing.packed(format, values))
    local rest, needed = packing.take(bytes .. bytes:sub(1, 9), format,
      function(...) taken[#taken + 1] = { select("#", ...), ... } end)
    assert.same({ { 5, 7, "text", 1.5, 1, #bytes + 1 } }, taken)
    assert.equal(bytes:sub(1, 9), rest)
    assert.equal(#bytes, needed)
  end)

  it("are plain ones", function()
    assert.is_nil(packing.format_of { {} })
  end)
end)

describe("the size of a value", function()
  it("counts 8 for a number, 1 for a boolean, a string's length", function()
    assert.same({ 8, 1 }, { payloads.size(1.5) })
    assert.same({ 1, 1 }, { payloads.size(true) })
    assert.same({ 5, 1 }, { payloads.size("hello") })
  end)

  it("counts keys, but not the positions of a list", function()
    assert.same({ 16, 2 }, { payloads.size { 1, 2 } })
    assert.same({ 11, 2 }, { payloads.size { key = 1 } })
    assert.same({ 16, 2 }, { payloads.size { [-1] = 1 } })
  end)
end)

describe("the plain copy", function()
  it("comes back as it was", function()
    local value = payloads.make("records", 20)
    for _, tracked in ipairs { false, true } do
      assert.same(value, native.plain_round_trip(value, tracked))
    end
  end)

  it("ends at cycles if they are tracked", function()
    local value = {}
    value.itself = value
    local back = native.plain_round_trip(value, true)
    assert.equal(back, back.itself)
    assert.has_error(function() native.plain_round_trip(value, false) end,
      "nested too deep")
  end)

  it("refuses what it cannot copy", function()
    assert.has_error(function() native.plain_argument({ print }) end,
      "a value of a type that is not copied")
  end)
end)
