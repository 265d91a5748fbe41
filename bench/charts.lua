-- SPDX-License-Identifier: MIT
--
-- The figures of docs/figures.md, from the rows of a JSON file.

local names = require "bench.support.names"

local charts = {}

-- Colours that are told apart by nearly everybody, by who takes part.
local colors = {
  ours = "#d55e00", peer = "#0072b2", plain = "#009e73", tracked = "#56b4e9",
  cjson = "#cc79a7", mtmsg = "#0072b2", effil = "#009e73",
  lanes = "#cc79a7", luv = "#b58900", cqueues = "#4b3fa0",
}

local function color_of(result)
  return colors[result.id] or "#8a8a8a"
end

local function row_named(rows, name)
  for _, row in ipairs(rows) do
    if names.of(row) == name then return row end
  end
end

-- A list of series from rows, a point for each result; point(row, result)
-- returns x, y, low and high, or nothing.
local function series_of(rows, ids, point)
  local list, by_id = {}, {}
  for _, row in ipairs(rows) do
    for _, result in ipairs(row.results) do
      local id = result.id or result.name
      local values = (not ids or ids[id]) and { point(row, result) }
      if values and values[1] then
        if not by_id[id] then
          by_id[id] = { label = result.label or result.name, points = {},
            color = color_of(result), ours = id == "ours" }
          list[#list + 1] = by_id[id]
        end
        table.insert(by_id[id].points, values)
      end
    end
  end
  return list
end

local function rows_of_series(rows, name)
  local list = {}
  for _, row in ipairs(rows) do
    if row.series == name then list[#list + 1] = row end
  end
  return list
end

local function summary(x, figures)
  return x, figures.median, figures.p10, figures.p90
end

-- Copies ----------------------------------------------------------------------

local COPIERS = { ours = true, peer = true, plain = true, cjson = true }

local function copy_panel(rows, kind)
  return {
    kind = "lines", title = kind .. ", as an argument",
    x = "number of " .. kind, y = "time of new, start and join",
    x_unit = "count", y_unit = "ns",
    series = series_of(rows_of_series(rows, kind .. ", argument"), COPIERS,
      function(row, result) return summary(row.x, result.summary) end),
  }
end

function charts.copies(rows)
  return { copy_panel(rows, "integers"), copy_panel(rows, "records"),
    width = 1000 }
end

local function ratio_panel(rows, way)
  local chosen, lines = {}, {}
  for _, row in ipairs(rows) do
    if row.group == "copy" and #row.goals > 0 and row.name:find(way) then
      chosen[#chosen + 1] = row
      lines[#chosen] = row.name:gsub(", [^,]*$", "")
    end
  end
  local place = {}
  for i, row in ipairs(chosen) do place[row] = i end
  return {
    kind = "dots", title = way, key = true, lines = lines,
    x = "our time / the other's: below 1 is faster",
    x_unit = "ratio",
    marks = { 1 },
    series = series_of(chosen, { peer = true, plain = true, cjson = true },
      function(row, result)
        local ratio = result.ratio
        return ratio.median, place[row], ratio.p10, ratio.p90
      end),
  }
end

function charts.ratios(rows)
  local panels = { ratio_panel(rows, "argument"),
    ratio_panel(rows, "round trip") }
  panels.height = 160 + 24 * #panels[1].lines
  panels.width = 980
  return panels
end

-- Threads ---------------------------------------------------------------------

-- One row of the suite, a line of text for each contestant.
local function row_panel(row, title, figures)
  local lines = {}
  for i, result in ipairs(row.results) do
    lines[i] = result.label or result.name
  end
  local place = 0
  return {
    kind = figures and "dots" or "bars", title = title, lines = lines,
    told = true,
    x_unit = row.unit, x = figures and "p50, with a line to p99" or "",
    series = series_of({ row }, nil, function(_, result)
      place = place + 1
      if figures then return result.p50, place, result.p50, result.p99 end
      local all = result.summary
      return all.median, place, all.p10, all.p90
    end),
  }
end

function charts.threads(rows)
  local single = row_named(rows, "threads: new, start, join")
  local memory = row_named(rows, "threads: memory of an idle thread")
  return { row_panel(single, "a thread, from new to join"),
    row_panel(memory, "memory of an idle thread"), width = 1000, height = 300 }
end

-- Channels --------------------------------------------------------------------

local function crowd_panel(rows, series, title)
  local chosen = rows_of_series(rows, series)
  local place, lines = {}, {}
  for i, row in ipairs(chosen) do
    place[row] = i
    lines[i] = row.name:gsub(",.*", "")
  end
  local ids = {}
  for _, row in ipairs(chosen) do
    for _, result in ipairs(row.results) do
      if colors[result.id] then ids[result.id] = true end
    end
  end
  return {
    kind = "dots", title = title, key = true, lines = lines,
    x = "time of a message, by senders -> receivers", x_unit = "ns",
    series = series_of(chosen, ids, function(row, result)
      local all = result.summary
      return all.median, place[row], all.p10, all.p90
    end),
  }
end

function charts.streams(rows)
  return { crowd_panel(rows, "crowds", "3 small values, no bound"),
    crowd_panel(rows, "bounded crowds", "3 small values, capacity 64") }
end

function charts.messages(rows)
  local function panel(series, title, x, unit)
    return {
      kind = "lines", title = title, x = x, y = "time of a message",
      x_unit = unit, y_unit = "ns",
      series = series_of(rows_of_series(rows, series), nil,
        function(row, result) return summary(row.x, result.summary) end),
    }
  end
  return { panel("string", "1 -> 1, strings", "bytes of a string", "bytes"),
    panel("select", "select", "number of channels", "count"), width = 1000 }
end

function charts.ping_pong(rows)
  local name = "channels: ping-pong, both sides "
  return { row_panel(row_named(rows, name .. "running"),
      "round trip, both sides running", true),
    row_panel(row_named(rows, name .. "parked"),
      "round trip, both sides asleep", true), width = 1000, height = 300 }
end

local function growth_panel(row, title, x, y)
  row = { results = row.results }
  local points = {}
  for i, result in ipairs(row.results) do
    points[#row.results - i + 1] = { summary(result.x, result.summary) }
  end
  return {
    kind = "lines", title = title, x = x, y = y, x_unit = "count",
    y_unit = "ns",
    series = { { label = "", color = colors.ours, ours = true,
      points = points } },
  }
end

function charts.growth(rows)
  local name = "channels: a %s, by the %s"
  return {
    growth_panel(row_named(rows, name:format("message", "depth of the queue")),
      "a deep queue", "messages in the queue", "time of a message"),
    growth_panel(row_named(rows, name:format("value", "size of the message")),
      "a large message", "integers in the message", "time of an integer"),
  }
end

-- The names of the figures, in the order of the page, with what each shows.
charts.order = {
  { "copies", "Time of a thread that gets a list as its argument." },
  { "ratios", "Our time beside others', for large values: left is faster." },
  { "threads", "An empty thread, and the memory of an idle one." },
  { "streams", "Messages between several threads on two processors." },
  { "messages", "Messages by size, and `select` by the number of channels." },
  { "ping_pong", "A message there and one back." },
  { "growth", "Whether the cost grows with the queue, and with the message." },
}

return charts
