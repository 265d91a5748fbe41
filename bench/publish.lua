-- SPDX-License-Identifier: MIT
--
-- Writes the figures of a JSON file of bench/run.lua into docs/figures.md,
-- between their two marks, and as charts into docs/figures/; those of a file
-- of bench/luas.lua between two marks of their own.
--
--     lua bench/publish.lua FILE.json [PAGE]

local root = arg[0]:match("^(.*)bench/[^/]*$") or "../"
package.path = root .. "?.lua;" .. package.path

local charts = require "bench.charts"
local files = require "support.files"
local gnuplot = require "bench.support.gnuplot"
local json = require "cjson"
local lua = require "support.lua"
local report = require "bench.support.report"

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

local function two_columns(lines)
  local out = { "| | |\n|---|---|\n" }
  for _, line in ipairs(lines) do out[#out + 1] = markdown_line(line) end
  return table.concat(out)
end

local function machine(document)
  local lines = lua.append({}, document.machine)
  for _, line in ipairs(document.skipped) do
    lines[#lines + 1] = { "without", line[1] .. ": " .. line[2] }
  end
  return two_columns(lines)
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

-- Several Luas ----------------------------------------------------------------

-- The one line about a machine's Lua.
local function lua_of(document)
  for _, line in ipairs(document.machine) do
    if line[1] == "Lua" then return line[2] end
  end
end

local function luas_line(luas, place)
  local row = luas[1].rows[place]
  local note, floor = row.facts.note, row.results[2]
  local line = { row.name .. (note and " (" .. note .. ")" or "") }
  for _, document in ipairs(luas) do
    line[#line + 1], line[#line + 2] = report.brief(document.rows[place])
  end
  line[#line + 1] = floor and floor.name:gsub("^floor: ", "") or ""
  return markdown_line(line)
end

local function luas_head(luas)
  local titles, rule = { "" }, { "---" }
  for _, document in ipairs(luas) do
    titles[#titles + 1], titles[#titles + 2] = lua_of(document), "ours is"
    rule[#rule + 1], rule[#rule + 2] = "--:", "--:"
  end
  titles[#titles + 1], rule[#rule + 1] = "beside", "---"
  return markdown_line(titles) .. markdown_line(rule)
end

local function luas_tables(luas)
  local out, group = {}, nil
  for place, row in ipairs(luas[1].rows) do
    if row.group ~= group then
      group = row.group
      out[#out + 1] = ("\n**Group %s**\n\n"):format(group) .. luas_head(luas)
    end
    out[#out + 1] = luas_line(luas, place)
  end
  return table.concat(out)
end

local function luas_machine(luas)
  local lines = {}
  for _, line in ipairs(luas[1].machine) do
    if line[1] ~= "Lua" then lines[#lines + 1] = line end
  end
  return two_columns(lines)
end

-- The page --------------------------------------------------------------------

-- Puts the figures between the two marks of that name.
local function replace(page, name, figures)
  local text = files.contents(page)
  local begin, finish = ("<!-- %s: begin -->"):format(name),
    ("<!-- %s: end -->"):format(name)
  local first, last = text:find(begin, 1, true),
    select(2, text:find(finish, 1, true))
  assert(first and last, page .. " has no place for " .. name)
  files.write(page, table.concat { text:sub(1, first - 1), begin, "\n", figures,
    finish, text:sub(last + 1) })
end

local function publish(path, page)
  local document = json.decode(files.contents(path))
  if document.luas then
    return replace(page, "luas", luas_machine(document.luas)
      .. luas_tables(document.luas))
  end
  replace(page, "figures", table.concat({ machine(document),
    drawn(document, page), tables(document), "" }, "\n"))
end

if not arg[1] then
  io.stderr:write("usage: lua bench/publish.lua FILE.json [PAGE]\n")
  os.exit(2)
end
publish(arg[1], arg[2] or root .. "docs/figures.md")
