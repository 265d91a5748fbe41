-- SPDX-License-Identifier: MIT
--
-- Records as tables of text: for a terminal, or for a page of Markdown.

local lua = require "support.lua"
local statistics = require "bench.support.statistics"
local names = require "bench.support.names"
local units = require "bench.support.units"

local report = {}

-- A copy that is less than this share of the whole call drowns in the noise of
-- the thread's cost, and no figure is derived from it.
local SHARE = 0.25

local function clear_copy(result)
  if not result.without then return result.summary.median end
  local copy = result.copy.median
  return copy >= SHARE * result.summary.median and copy or nil
end

-- What a column shows of a result, by the column's title.
local extra = {}

extra.copy = {
  { "of that thread", function(result)
    return units.show(result.thread and result.thread.median, "ns")
  end },
  { "ns/value", function(result, record)
    local copy = clear_copy(result)
    return copy and record.facts.values > 1
      and units.digits(copy / record.facts.values) or "-"
  end },
  { "MB/s", function(result, record)
    local copy = clear_copy(result)
    return copy and units.digits(record.facts.bytes * 1e3 / copy) or "-"
  end },
}

extra.latency = {
  { "p50", function(result) return units.show(result.p50, "ns") end },
  { "p99", function(result) return units.show(result.p99, "ns") end },
  { "p99.9", function(result) return units.show(result.p999, "ns") end },
  { "asleep", function(result)
    return result.asleep and ("%.0f %%"):format(result.asleep * 100) or "-"
  end },
}

local function ratio_of(result, subject)
  local ratio = result.ratio
  if not ratio then return "" end
  if subject.without and not result.without
    and not clear_copy(subject) then
    return "-"
  end
  return units.digits(ratio.median) .. " x"
end

local function goal_text(goal, unit)
  local limit = goal.to and units.digits(goal.at_most) .. " x"
    or units.show(goal.at_most, unit)
  local verdict = goal.value == nil and "not measured"
    or goal.reached and "reached" or "missed"
  return ("goal <= %s: %s"):format(limit, verdict)
end

-- The goals that are about a result: those to it, and at the first one those
-- that are limits.
local function goals_at(record, place)
  local texts = {}
  for _, goal in ipairs(record.goals) do
    if goal.to and goal.to == record.results[place].id
      or not goal.to and place == 1 then
      texts[#texts + 1] = goal_text(goal, record.unit)
    end
  end
  return table.concat(texts, "; ")
end

-- The titles of a record's columns, and its lines as lists of text.
function report.cells(record)
  local titles = { "", "median", "p10", "p90" }
  local more = extra[record.columns] or {}
  for _, column in ipairs(more) do titles[#titles + 1] = column[1] end
  lua.append(titles, { "ours is", "goal" })
  local lines = {}
  for i, result in ipairs(record.results) do
    local line = { result.name }
    for _, key in ipairs { "median", "p10", "p90" } do
      line[#line + 1] = units.show(result.summary[key], record.unit)
    end
    for _, column in ipairs(more) do
      line[#line + 1] = column[2](result, record)
    end
    line[#line + 1] = ratio_of(result, record.results[1])
    line[#line + 1] = goals_at(record, i)
    lines[i] = line
  end
  return titles, lines
end

-- "100,000 values, 800,000 bytes", of what is known.
function report.facts(record)
  local texts = {}
  for _, key in ipairs { "values", "bytes" } do
    if record.facts[key] then
      texts[#texts + 1] = units.count(record.facts[key]) .. " " .. key
    end
  end
  texts[#texts + 1] = record.facts.note
  return table.concat(texts, ", ")
end

-- What is said in short of a row with its samples: our median, and how many
-- times as much that is as the floor's, if there is one.
function report.brief(row)
  local ours, floor = row.results[1], row.results[2]
  local ratio = floor and statistics.ratio(ours.samples, floor.samples).median
  return units.show(statistics.median(ours.samples), row.unit),
    ratio and units.digits(ratio) .. " x" or ""
end

local function widths_of(titles, lines)
  local widths = {}
  for i, title in ipairs(titles) do
    widths[i] = #title
    for _, line in ipairs(lines) do
      widths[i] = math.max(widths[i], #line[i])
    end
  end
  return widths
end

-- The first and the last column are text, the others numbers.
local function padded(line, widths)
  local cells = {}
  for i, width in ipairs(widths) do
    local left = i == 1 or i == #widths
    cells[i] = ("%" .. (left and "-" or "") .. width .. "s"):format(line[i])
  end
  return ("  " .. table.concat(cells, "  ")):gsub("%s+$", "")
end

-- The record as lines for a terminal.
function report.text(record)
  local titles, lines = report.cells(record)
  local widths = widths_of(titles, lines)
  local facts = report.facts(record)
  local out = { names.of(record)
    .. (facts ~= "" and "  (" .. facts .. ")" or "") }
  out[2] = padded(titles, widths)
  for _, line in ipairs(lines) do out[#out + 1] = padded(line, widths) end
  for name, reason in pairs(record.failed) do
    out[#out + 1] = "  " .. name .. ": " .. reason
  end
  return table.concat(out, "\n") .. "\n"
end

return report
