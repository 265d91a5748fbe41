-- SPDX-License-Identifier: MIT
--
-- Draws figures by gnuplot, as SVG. A figure is a list of panels side by side:
--
--   kind      "lines": y over x, both on logarithmic axes, each line labelled
--             at its right end; "dots": a value for each of several things in
--             each of several lines of text, on a logarithmic axis; "bars": one
--             value for each line of text, from zero
--   title     what is shown; `x`, `y` the names of the axes
--   x_unit, y_unit    what the ticks show: "ns", "bytes", "count" or "ratio"
--   series    a list of { label, color, ours =, points = { { x, y, low, high }
--             ... } }; of dots, y is the number of the line of text
--   lines     the texts, from above
--   told      whether the values are written beside the dots
--   key       whether the names of the series are written above
--   marks     a list of numbers at which there are vertical lines

local units = require "bench.support.units"

local gnuplot = {}

local WIDTH, GREY = 460, "#5f5f5f"

local function log10(value)
  return math.log(value) / math.log(10)
end

-- The length of a text in UTF-8: of bytes that begin a character.
local function characters(value)
  return select(2, value:gsub("[^\128-\191]", ""))
end

local function text(value)
  return '"' .. value:gsub('[\\"]', "\\%0"):gsub("_", "\\\\_") .. '"'
end

-- 100000 as 100 k.
local function short_count(value)
  for _, step in ipairs { { 1e6, " M" }, { 1e3, " k" } } do
    if value >= step[1] then
      return ("%g"):format(value / step[1]) .. step[2]
    end
  end
  return ("%g"):format(value)
end

local function shown(value, unit)
  if unit == "count" then return short_count(value) end
  if unit == "ratio" then return ("%g"):format(value) end
  return (units.show(value, unit):gsub("%.0+ ", " "):gsub("us$", "µs"))
end

-- Powers of ten, with steps in between where the axis is short.
local function ticks(axis, unit, low, high)
  local decades = log10(high / low)
  local steps = decades < 2.6 and { 1, 2, 5 } or { 1 }
  local list = {}
  for power = -3, 11 do
    for _, step in ipairs(steps) do
      local value = step * 10.0 ^ power
      if value >= low and value <= high then
        list[#list + 1] = ("%s %g"):format(text(shown(value, unit)), value)
      end
    end
  end
  return ("set %stics (%s) nomirror textcolor rgb '%s'\n"):format(
    axis, table.concat(list, ", "), GREY)
end

-- The least and the greatest of a coordinate, over all series.
local function range(panel, ...)
  local least, most = math.huge, 0
  for _, series in ipairs(panel.series) do
    for _, point in ipairs(series.points) do
      for _, key in ipairs { ... } do
        local value = point[key]
        if value and value > 0 then
          least, most = math.min(least, value), math.max(most, value)
        end
      end
    end
  end
  return least, most
end

-- The length of the longest text.
local function longest(list, key)
  local most = 0
  for _, item in ipairs(list) do
    most = math.max(most, characters(key and item[key] or item))
  end
  return most
end

-- A range of at least a decade, so that small differences look small.
local function widened(low, high)
  local factor = math.max(1, math.sqrt(10 / (high / low)))
  return low / factor, high * factor
end

local function block(name, series)
  local out = { ("$%s << EOD\n"):format(name) }
  for _, point in ipairs(series.points) do
    out[#out + 1] = ("%.9g %.9g %.9g %.9g\n"):format(point[1], point[2],
      point[3] or point[2], point[4] or point[2])
  end
  out[#out + 1] = "EOD\n"
  return table.concat(out)
end

local function label(name, x, y, color, bold)
  local shown_name = bold and "{/:Bold " .. name:gsub("_", "\\\\_") .. "}"
    or name:gsub("_", "\\\\_")
  return ("set label %q at %.9g,%.9g left offset 0.8,0 textcolor rgb '%s'\n")
    :format(shown_name, x, y, color):gsub("\\\\\\\\", "\\\\")
end

-- Labels at the ends of lines, moved apart where they would touch.
local function end_labels(panel, low, high)
  local ends = {}
  for _, series in ipairs(panel.series) do
    local last = series.points[#series.points]
    if last then
      ends[#ends + 1] = { series = series, x = last[1],
        place = log10(last[2]) }
    end
  end
  table.sort(ends, function(a, b) return a.place < b.place end)
  local gap = log10(high / low) / 17
  for i = 2, #ends do
    ends[i].place = math.max(ends[i].place, ends[i - 1].place + gap)
  end
  local above = log10(high)
  for i = #ends, 1, -1 do
    ends[i].place = math.min(ends[i].place, above)
    above = ends[i].place - gap
  end
  local out = {}
  for i, item in ipairs(ends) do
    out[i] = label(item.series.label, item.x, 10 ^ item.place,
      item.series.color, item.series.ours)
  end
  return table.concat(out)
end

local function plot(panel, styles)
  local blocks, plots = {}, {}
  for i, series in ipairs(panel.series) do
    if #series.points > 0 then
      local name = ("data%d"):format(i)
      blocks[#blocks + 1] = block(name, series)
      for _, style in ipairs(styles) do
        plots[#plots + 1] = ("$%s using %s with %s %s notitle"):format(
          name, style[1], style[2], style[3](series))
      end
    end
  end
  return table.concat(blocks) .. "plot " .. table.concat(plots, ", \\\n  ")
    .. "\n"
end

-- A style in the colour of the series.
local function colored(style)
  return function(series)
    return ("linecolor rgb '%s' %s"):format(series.color, style)
  end
end

-- The same, with one number that is larger for our own.
local function stressed(style, ours, others)
  return function(series)
    return ("linecolor rgb '%s' " .. style):format(series.color,
      series.ours and ours or others)
  end
end

local draw = {}

function draw.lines(panel)
  local left, right = range(panel, 1)
  local low, high = range(panel, 2, 3, 4)
  left, right = left / 1.3, right * 1.3
  low, high = widened(low / 1.6, high * 1.6)
  return table.concat {
    "set logscale xy\nset key off\n",
    ticks("x", panel.x_unit, left, right), ticks("y", panel.y_unit, low, high),
    ("set xrange [%g:%g]\nset yrange [%g:%g]\n"):format(
      left, right, low, high),
    ("set rmargin %d\nset lmargin 11\n"):format(
      math.max(3, longest(panel.series, "label") + 1)),
    end_labels(panel, low, high),
    plot(panel, {
      { "1:3:4", "filledcurves", colored("fillstyle transparent solid 0.18") },
      { "1:2", "linespoints",
        stressed("linewidth %g pointtype 7 pointsize 0.4", 3, 1.8) },
    }),
  }
end

-- The text above the panel that tells whose the colours are.
local function legend(panel)
  if not panel.key then return "" end
  local out, place = { "set tmargin 4\n" }, -longest(panel.lines)
  for _, series in ipairs(panel.series) do
    out[#out + 1] = ("set label %s at graph 0, graph 1 left offset %g,0.9 "
      .. "textcolor rgb '%s'\n"):format(text("• " .. series.label), place,
        series.color)
    place = place + 0.8 * characters(series.label) + 3
  end
  return table.concat(out)
end

local function line_ticks(panel)
  local list = {}
  for i, line in ipairs(panel.lines) do
    list[i] = ("%s %d"):format(text(line), #panel.lines - i + 1)
  end
  return ("set ytics (%s) nomirror scale 0 textcolor rgb '#222222'\n")
    :format(table.concat(list, ", "))
end

local function marks(panel)
  local out = {}
  for i, mark in ipairs(panel.marks or {}) do
    out[i] = ("set arrow from %g, graph 0 to %g, graph 1 nohead "
      .. "linecolor rgb '%s' linewidth 1.5\n"):format(mark, mark, GREY)
  end
  return table.concat(out)
end

local function told(panel)
  local out = {}
  for _, series in ipairs(panel.told and panel.series or {}) do
    for _, point in ipairs(series.points) do
      out[#out + 1] = label(shown(point[1], panel.x_unit),
        math.max(point[1], point[4] or 0), point[2], series.color, series.ours)
    end
  end
  return table.concat(out)
end

-- From the text down: the first line of text is the topmost. Where several
-- series share a line, they lie a little apart.
local function turned(panel)
  local copy = setmetatable({ series = {} }, { __index = panel })
  local apart = panel.key and 0.6 / #panel.series or 0
  for i, series in ipairs(panel.series) do
    local points = {}
    local shift = 1 - apart * (i - (#panel.series + 1) / 2)
    for j, point in ipairs(series.points) do
      points[j] = { point[1], #panel.lines - point[2] + shift, point[3],
        point[4] }
    end
    copy.series[i] = setmetatable({ points = points }, { __index = series })
  end
  return copy
end

-- What both kinds of panel with lines of text have.
local function text_axis(panel)
  return table.concat {
    line_ticks(panel), legend(panel), told(panel),
    ("set yrange [0.4:%g]\nset rmargin 3\nset lmargin %d\n"):format(
      #panel.lines + 0.6, longest(panel.lines) + 2),
    "set key off\n",
  }
end

function draw.dots(panel)
  panel = turned(panel)
  local left, right = range(panel, 1, 3, 4)
  left, right = widened(left / 1.3, right * (panel.told and 2.6 or 1.3))
  return table.concat {
    "set logscale x\n", ticks("x", panel.x_unit, left, right),
    ("set xrange [%g:%g]\n"):format(left, right),
    text_axis(panel), marks(panel),
    plot(panel, {
      { "1:2:3:4", "xerrorbars",
        stressed("linewidth 1.6 pointtype 7 pointsize %g", 0.9, 0.7) },
    }),
  }
end

-- From zero, with the values beside the bars.
function draw.bars(panel)
  panel = turned(panel)
  local _, most = range(panel, 1, 4)
  return table.concat {
    "unset xtics\nunset grid\nset border 2\n",
    ("set xrange [0:%g]\n"):format(most * 1.25),
    text_axis(panel),
    plot(panel, {
      { "1:2:(0):1:($2-0.3):($2+0.3)", "boxxyerror",
        colored("fillstyle solid 0.75 noborder") },
      { "1:2:3:4", "xerrorbars", function()
        return "linewidth 1.2 pointtype -1 linecolor rgb '#333333'"
      end },
    }),
  }
end

-- The panels that have something to show.
local function filled(figure)
  local panels = {}
  for _, panel in ipairs(figure) do
    local least, most = range(panel, 1)
    if least <= most then panels[#panels + 1] = panel end
  end
  assert(#panels > 0, "nothing to draw")
  return panels
end

local function axis_name(axis, name, offset)
  return ("set %slabel %s textcolor rgb '%s' offset %s\n"):format(
    axis, text(name or ""), GREY, offset)
end

local function script(path, figure)
  local panels = filled(figure)
  local out = { ("set terminal svg size %d,%d font 'sans-serif,12' "
    .. "background 'white' enhanced\nset output %q\n"):format(
      figure.width or WIDTH * #panels, figure.height or 340, path) }
  out[2] = ("set multiplot layout 1,%d\n"):format(#panels)
  for _, panel in ipairs(panels) do
    out[#out + 1] = "reset\nset border 3 linecolor rgb '#b0b0b0'\n"
      .. "set grid linecolor rgb '#e4e4e4' linetype 1\n"
      .. ("set title %s offset 0,%g\n"):format(
        text("{/:Bold " .. panel.title .. "}"), panel.key and 1.3 or 0)
      .. axis_name("x", panel.x, "0,0") .. axis_name("y", panel.y, "1,0")
      .. draw[panel.kind](panel)
  end
  out[#out + 1] = "unset multiplot\n"
  return table.concat(out)
end

-- Writes the figure to the file.
function gnuplot.draw(path, figure)
  local commands = script(path, figure)
  local pipe = assert(io.popen("gnuplot", "w"))
  pipe:write(commands)
  assert(pipe:close(), "gnuplot has failed")
end

return gnuplot
