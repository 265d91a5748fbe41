-- SPDX-License-Identifier: MIT
-- The pages say what is so.
--
-- Each block that is fenced by ```lua runs in a process of its own. It must
-- succeed and leave stderr empty. Where it has comments of the form
--
--     print(thread:join()) --> true  3
--
-- these are all it prints, line by line, however much space lies between the
-- values, and "..." being any text; without such a comment it prints nothing. A
-- block that cannot run alone is fenced by ```lua fragment: it only has to
-- compile.
--
-- A block that is fenced by ```sh run is run, line by line, from the root of
-- the tree. What the other commands name must exist: targets and variables of
-- make, presets, tests, files; and so must whatever file a text names, and the
-- place a link leads to.

local files = require "support.files"
local proc = require "spec.support.proc"

local root = files.root == "" and "./" or files.root

local function found(pattern)
  return files.output(("cd '%s' && ls -d %s 2>/dev/null"):format(root, pattern))
end

local pages = {}
for page in found("*.md docs/*.md examples/*.md"):gmatch("%S+") do
  pages[#pages + 1] = page
end

-- Libraries that a block may use and that need not be here.
local optional = { "cqueues", "luv" }

-- ---- what is on a page ----

-- The blocks of a page: { line =, fence =, text = } with what stands behind the
-- fence, "" for one that is indented; and the page without them. The text
-- begins with empty lines, as many as precede it in the page, so that errors
-- name the page's own lines.
local function parts_of(page)
  local blocks, prose, block, number, blank = {}, {}, nil, 0, true
  for line in io.lines(root .. page) do
    number = number + 1
    local fence = line:match("^```(.*)$")
    local indented = line:match("^    (.*)$")
    if fence and block then
      blocks[#blocks + 1], block = block, nil
    elseif fence then
      block = { line = number, fence = fence, text = ("\n"):rep(number) }
    elseif block then
      block.text = block.text .. line .. "\n"
    elseif indented and blank then
      blocks[#blocks + 1] = { line = number, fence = "", text = indented }
    else
      prose[#prose + 1], blank = line, line == ""
    end
  end
  assert(not block, page .. " ends within a block")
  return blocks, table.concat(prose, "\n")
end

-- Each piece of a page that is code but no Lua: spans, and the lines of blocks.
local function each_code(page, visit)
  local blocks, prose = parts_of(page)
  for span in prose:gmatch("`+([^`]+)`+") do visit((span:gsub("%s+", " "))) end
  for _, block in ipairs(blocks) do
    if not block.fence:find("^lua") then
      local text = block.text:gsub("\\\n%s*", "")
      for line in text:gmatch("[^\n]+") do visit((line:gsub("%s# .*", ""))) end
    end
  end
end

-- ---- what is there ----

local exists = setmetatable({}, { __index = function(known, path)
  -- The name of a test is that of its file without the end.
  known[path] = path:find("^[%w_./*%[%]-]+$") ~= nil and found(path .. " "
    .. path .. "_spec.lua " .. path .. ".c " .. path .. ".sh " .. path
    .. ".lua") ~= ""
  return known[path]
end })

-- ---- programs ----

local function uses(text, module)
  return text:find(("require *%%(?[\"']%s[\"']"):format(module))
end

local function missing_library(text)
  for _, module in ipairs(optional) do
    if uses(text, module)
      and not package.searchpath(module, package.path)
      and not package.searchpath(module, package.cpath) then
      return module
    end
  end
end

-- With one space between the values of a line.
local function squeezed(line)
  return (line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local function lines_of(text, pattern)
  local lines = {}
  for line in text:gmatch(pattern) do lines[#lines + 1] = squeezed(line) end
  return lines
end

local function keeps(promise, line)
  local pattern = promise:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", ".*")
  return line:find("^" .. pattern .. "$")
end

local function check_program(text)
  local out, err, code = proc.run(text)
  assert.equal("", err)
  assert.equal(0, code)
  local promised = lines_of(text, "%-%->([^\n]*)")
  local printed = lines_of(out, "([^\n]*)\n")
  -- A line that keeps its promise is taken as the promise itself, so that what
  -- is left is shown side by side.
  for i, promise in ipairs(promised) do
    if printed[i] and keeps(promise, printed[i]) then printed[i] = promise end
  end
  assert.same(promised, printed)
end

local function check_commands(text)
  if not exists["build/release/llthreads2/core.so"] then
    return pending("they are about build/release")
  end
  local out, err, code = proc.shell("sh -e", ("cd '%s'\n%s"):format(root, text))
  assert.equal(0, code, out .. err)
end

-- ---- what is named ----

-- The word is a path that begins in the root of the tree. What is built there
-- comes and goes.
local function is_path(word)
  local first = word:match("^(%.?[%w_]+)/")
  return first and not first:find("^build") and exists[first .. "/"]
end

-- make is asked what it would do: nothing is done.
local refused = setmetatable({}, { __index = function(known, target)
  local command = "cd '%s' && MAKEFLAGS= make -n %s 2>&1 >/dev/null"
  known[target] = files.output(command:format(root, target))
    :match("No rule[^\n]*") or ""
  return known[target]
end })

local makefile = files.contents(root .. "Makefile")
local sources = files.output(("cd '%s' && cat runtime/*.[ch] channels/*.[ch] "
  .. "core/*.c lua/*.lua lua/*/*.lua tests/*/*.[ch] spec/*.lua tests/oom/*.lua")
  :format(root))
local presets = files.contents(root .. "CMakePresets.json")

local function check_make(words, note)
  for word in words:gmatch("%S+") do
    local variable = word:match("^([%u%d_]+)=")
    if variable then
      if not makefile:find("%f[%w_]" .. variable .. "%f[^%w_]") then
        note("make knows no " .. variable)
      end
    elseif word:find("^[%l%d-]+$") then
      if refused[word] ~= "" then note(refused[word]) end
    end
  end
end

-- Pages for those who work on the library: functions they name are ours.
local inside = { ["CONTRIBUTING.md"] = true, ["docs/architecture.md"] = true }

local function check_code(page, code, note)
  check_make(code:match("^%s*make%s+([^;|&]*)") or "", note)
  for preset in code:gmatch("%-%-preset ([%w.-]+)") do
    if not presets:find(('"name": "%s"'):format(preset), 1, true) then
      note("no preset " .. preset)
    end
  end
  for program in code:gmatch("%f[%w_]test_([%w_]+)") do
    if not exists["tests/" .. program] then note("no test_" .. program) end
  end
  local called = inside[page] and code:match("^([%l_]+)%(%)$")
  if called and not sources:find("%f[%w_]" .. called .. "%f[^%w_]") then
    note("no function " .. called)
  end
  for word in code:gmatch("[%w_./*%[%]?-]+") do
    if is_path(word) and not word:find("?", 1, true) and not exists[word] then
      note("no " .. word)
    end
  end
end

-- ---- links ----

-- The anchors of a page's headings, as they are made of their text.
local function anchors_of(page)
  local anchors = {}
  for line in io.lines(root .. page) do
    local heading = line:match("^#+ +(.*)$")
    if heading then
      local anchor = heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
      anchors[anchor] = true
    end
  end
  return anchors
end

local function check_link(page, target, note)
  local path, anchor = target:match("^([^#]*)#?(.*)$")
  local folder = page:match("^.*/") or ""
  local file = path == "" and page or folder .. path
  while file:find("[^/]+/%.%./") do file = file:gsub("[^/]+/%.%./", "", 1) end
  if not exists[file] then
    note("no page " .. target)
  elseif anchor ~= "" and not anchors_of(file)[anchor] then
    note("no heading " .. target)
  end
  return file
end

-- The files that a page's links lead to.
local function check_links(page, note)
  local _, prose = parts_of(page)
  local reached = {}
  for target in prose:gmatch("%]%(([^)]+)%)") do
    if not target:find("^%a+://") then
      reached[check_link(page, target, note)] = true
    end
  end
  return reached
end

-- Calls with a function that takes notes; there must be none.
local function has_nothing_to_note(check)
  local notes = {}
  local result = check(function(text) notes[#notes + 1] = text end)
  assert.same({}, notes)
  return result
end

for _, page in ipairs(pages) do
  describe(page, function()
    for _, block in ipairs((parts_of(page))) do
      local name = ("at line %d has "):format(block.line)
      if block.fence == "lua" then
        it(name .. "Lua that runs and prints what it says", function()
          local missing = missing_library(block.text)
          if missing then return pending(missing .. " is missing") end
          check_program(block.text)
        end)
      elseif block.fence == "lua fragment" then
        it(name .. "Lua that compiles", function()
          assert(load(block.text, "=" .. page))
        end)
      elseif block.fence == "sh run" then
        it(name .. "commands that can be run", function()
          check_commands(block.text)
        end)
      elseif block.fence ~= "" and block.fence ~= "sh" then
        it(name .. "a block that is marked in a known way", function()
          error("```" .. block.fence)
        end)
      end
    end

    it("names what exists", function()
      has_nothing_to_note(function(note)
        each_code(page, function(code) check_code(page, code, note) end)
      end)
    end)

    it("links to what exists", function()
      has_nothing_to_note(function(note) check_links(page, note) end)
    end)
  end)
end

-- ---- nothing is left out ----

-- Whether each name stands in a span of code of the page, behind the prefix.
local function names_each(page, prefix, names)
  local text = files.contents(root .. page)
  has_nothing_to_note(function(note)
    for name in pairs(names) do
      if not text:find(("`%s%s%%f[^%%w_]"):format(prefix, name)) then
        note(prefix .. name)
      end
    end
  end)
end

local function methods_of(object)
  return debug.getmetatable(object).__index
end

local function cells_of(line)
  local cells = {}
  for cell in line:gmatch("| *([^|]-) *%f[|]") do cells[#cells + 1] = cell end
  return cells
end

-- By row and library, whose first line in a row counts.
local function medians_of(page)
  local rows, row = {}, nil
  for line in io.lines(root .. page) do
    local title = line:match("^%*%*([^*]+)%*%*")
    if title then
      row = {}
      rows[title] = row
    end
    local cells = cells_of(line)
    local library = (cells[1] or ""):match("^[%w-]+")
    if library == "llthreads2-mailbox" then library = "this" end
    if row and library then row[library] = row[library] or cells[2] end
  end
  return rows
end

describe("the pages", function()
  it("of the modules name each function and method", function()
    local llthreads2 = require "llthreads2"
    local channel = require "llthreads2.channel"
    names_each("docs/llthreads2.md", "llthreads2%.", llthreads2)
    names_each("docs/llthreads2.md", "thread:",
      methods_of(llthreads2.new("")))
    names_each("docs/llthreads2.md", "ex%.", require "llthreads2.ex")
    names_each("docs/channel.md", "channel%.", channel)
    names_each("docs/channel.md", "ch:", methods_of(channel.new()))
  end)

  it("can all be reached from the first one", function()
    local reached, list = { ["README.md"] = true }, { "README.md" }
    for _, page in ipairs(list) do -- which grows
      for further in pairs(page:find("%.md$") and check_links(page, error)
        or {}) do
        if not reached[further] then list[#list + 1] = further end
        reached[further] = true
      end
    end
    for _, page in ipairs(pages) do assert.is_true(reached[page], page) end
  end)

  it("quote figures as they were measured", function()
    local medians = medians_of("docs/figures.md")
    local libraries, quoted = nil, 0
    for line in io.lines(root .. "docs/benchmarks.md") do
      local cells = cells_of(line)
      if cells[2] == "this" then libraries = cells end
      local row = libraries and medians[cells[1]]
      for i = 2, row and #cells or 0 do
        if cells[i] ~= "" then
          assert.equal(row[libraries[i]], cells[i], line)
          quoted = quoted + 1
        end
      end
    end
    assert.is_true(quoted > 0)
  end)

  it("show each folder in the house", function()
    local text = files.contents(root .. "docs/architecture.md")
    for folder in found("*/"):gmatch("%S+") do
      assert.is_true(folder:find("^build") ~= nil
        or text:find("\n" .. folder .. " ", 1, true) ~= nil, folder)
    end
  end)

  -- A room is one file or several whose names begin with its own.
  it("show each file of the library in its place", function()
    local rooms = {}
    for line in io.lines(root .. "docs/architecture.md") do
      for room in (line:match("^| (`[^|]*)|") or ""):gmatch("`([%w_/]+)`") do
        rooms[room] = true
      end
    end
    local unused = {}
    for room in pairs(rooms) do unused[room] = true end
    for path in found("runtime/*.[ch] channels/*.[ch]"):gmatch("%S+") do
      local room = path:match("([%w_]+)%.[ch]$")
      while room and not rooms[room] do room = room:match("^(.*)_") end
      assert.is_truthy(room, path .. " has no place")
      unused[room] = nil
    end
    assert.same({}, unused)
  end)
end)
