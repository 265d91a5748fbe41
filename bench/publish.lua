-- SPDX-License-Identifier: MIT
--
-- Writes the figures of a JSON file of bench/run.lua into docs/benchmarks.md,
-- between its two marks, and as charts into docs/benchmarks/.
--
--     lua bench/publish.lua FILE.json [PAGE]

local root = arg[0]:match("^(.*)bench/[^/]*$") or "../"
package.path = root .. "?.lua;" .. package.path

local charts = require "bench.charts"
local files = require "bench.support.files"
local gnuplot = require "bench.support.gnuplot"
local json = require "cjson"
local report = require "bench.support.report"

local BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

local function markdown_line(cells)
  return "| " .. table.concat(cells, " | ") .. " |\n"
end

local function markdown_table(row)
  local titles, lines = report.cells(row)
  local rule = {}
  for i = 1, #titles do
    rule[i] = (i == 1 or i == #titles) and "---" or "--:"
  end
  local out = { markdown_line(titles), markdown_line(rule) }
  for i, line in ipairs(lines) do out[i + 2] = markdown_line(line) end
  return table.concat(out)
end

local function machine(document)
  local out = { "| | |\n|---|---|\n" }
  for _, line in ipairs(document.machine) do
    out[#out + 1] = markdown_line(line)
  end
  for _, line in ipairs(document.skipped) do
    out[#out + 1] = markdown_line { "without", line[1] .. ": " .. line[2] }
  end
  return table.concat(out)
end

-- Draws what the rows suffice for; returns the lines that show it.
local function drawn(document, page)
  local folder = page:gsub("%.md$", "")
  local out = {}
  assert(os.execute(("mkdir -p '%s'"):format(folder)))
  for _, chart in ipairs(charts.order) do
    local name, caption = chart[1], chart[2]
    local ok, problem = pcall(function()
      gnuplot.draw(("%s/%s.svg"):format(folder, name),
        charts[name](document.rows))
    end)
    if ok then
      out[#out + 1] = ("**%s**\n\n![%s](%s/%s.svg)\n"):format(caption, caption,
        folder:match("[^/]*$"), name)
    else
      io.stderr:write("publish: without ", name, ": ", problem, "\n")
    end
  end
  return table.concat(out, "\n")
end

local function tables(document)
  local out, group = {}, nil
  for _, row in ipairs(document.rows) do
    if row.group ~= group then
      group = row.group
      out[#out + 1] = ("### Group %s\n"):format(group)
    end
    local facts = report.facts(row)
    out[#out + 1] = ("**%s**%s\n\n%s"):format(row.name,
      facts ~= "" and " (" .. facts .. ")" or "", markdown_table(row))
  end
  return table.concat(out, "\n")
end

local function publish(path, page)
  local document = json.decode(files.contents(path))
  local figures = table.concat({ BEGIN, machine(document),
    drawn(document, page), tables(document), END }, "\n")
  local text = files.contents(page)
  local first, last = text:find(BEGIN, 1, true), select(2, text:find(END, 1,
    true))
  assert(first and last, page .. " has no place for figures")
  files.write(page, text:sub(1, first - 1) .. figures .. text:sub(last + 1))
end

if not arg[1] then
  io.stderr:write("usage: lua bench/publish.lua FILE.json [PAGE]\n")
  os.exit(2)
end
publish(arg[1], arg[2] or root .. "docs/benchmarks.md")
