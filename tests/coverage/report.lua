-- SPDX-License-Identifier: MIT
-- report.lua FOLDER: how many lines of each file of the library the programs
-- built below the folder have reached, all Luas taken together, and which they
-- have not. Fails if unreached.txt does not say just those.

local lines = require "tests.coverage.lines"

local folder = ...
local JUSTIFIED = "tests/coverage/unreached.txt"

-- By name: the texts of its lines, and by number if they were reached, and why
-- not.
local files = {}
local names = {} -- sorted

local function file_of(name)
  if not files[name] then
    files[name] = { text = lines.read(name), reached = {}, reasons = {} }
    names[#names + 1] = name
  end
  return files[name]
end

-- What a function ends with is no statement, though gcov counts the brace that
-- comes after one which never returns.
local function count(file, number, reached)
  if not file.text[number]:find("^}?$") then
    file.reached[number] = file.reached[number] or reached
  end
end

-- ---- what was reached ----

local function is_there(name)
  local file = io.open(name)
  if file then file:close() end
  return file ~= nil
end

-- Builds of before may have had other files.
local function is_ours(source)
  return (source:find("^runtime/") or source:find("^channels/")
    or source:find("^core/")) and is_there(source)
end

-- Gcov's own form: "count:number:text", where the count is "-" for what is no
-- code, and "#####" for what was not reached.
local function read_counters()
  local gcov = assert(io.popen(([[
    find '%s' -name '*.gcno' | xargs gcov --stdout --relative-only \
      --source-prefix "$PWD" 2>/dev/null]]):format(folder)))
  local file
  for line in gcov:lines() do
    local hits, number, rest = line:match("^%s*([^:]+):%s*(%d+):(.*)$")
    local source = number == "0" and rest:match("^Source:(.*)$")
    if source then
      file = is_ours(source) and file_of(source)
    elseif file and number ~= "0" and hits and hits ~= "-" then
      count(file, tonumber(number), not hits:find("^[#=]"))
    end
  end
  gcov:close()
end

local function read_notes()
  for _, name in ipairs(lines.modules()) do
    local file = file_of(name)
    for number = 1, #file.text do
      if lines.begins(file.text, number) then count(file, number, false) end
    end
  end
  for place in io.lines(folder .. "/notes") do
    local name, number = place:match("^(.*):(%d+)$")
    count(file_of(name), tonumber(number), true)
  end
end

-- ---- what need not be ----

-- An entry is a reason and a piece of a file, of which some lines are marked.
local function read_justified()
  local entries, name, entry = {}, nil, nil
  for line in io.lines(JUSTIFIED) do
    local mark, text = line:match("^    ([|>?])%s*(.-)%s*$")
    if mark then
      entry.text[#entry.text + 1] = text
      entry.marks[#entry.text] = mark
    elseif line:find("^  %S") then
      if not entry or entry.name ~= name or #entry.text > 0 then
        entry = { name = name, reason = "  ", text = {}, marks = {} }
        entries[#entries + 1] = entry
      end
      entry.reason = entry.reason .. line:sub(2)
    elseif line:find("^%a") then
      name = line
    end
  end
  return entries
end

local function stands_at(entry, file, first)
  for i, text in ipairs(entry.text) do
    local line = file.text[first + i - 1]
    if not line or line:match("^%s*(.-)%s*$") ~= text then return false end
  end
  return true
end

-- Where in its file the piece begins, or nil and what is wrong with it.
local function place_of(entry)
  local file, found = files[entry.name], nil
  for first = 1, file and #file.text or 0 do
    if stands_at(entry, file, first) then
      if found then return nil, "stands there more than once" end
      found = first
    end
  end
  return found, "is not there any more"
end

local complaints = {}

local function complain(text, ...)
  complaints[#complaints + 1] = text:format(...)
end

-- Gives the marked lines their reason.
local function justify(entry)
  local first, problem = place_of(entry)
  if not first then
    complain("%s: this %s: %s", entry.name, problem, entry.text[1])
    return
  end
  local file = files[entry.name]
  for i, mark in ipairs(entry.marks) do
    local number = first + i - 1
    local reached = file.reached[number]
    if mark ~= "|" then file.reasons[number] = entry.reason end
    if reached == nil and mark ~= "|" or reached and mark == ">" then
      complain("%s:%d: %s: %s", entry.name, number,
        reached and "is reached" or "is no code", entry.text[i])
    end
  end
end

-- ---- the report ----

local function print_table()
  local all, missed = 0, 0
  table.sort(names)
  print(("%-36s %7s %7s %10s"):format("", "lines", "reached", "not"))
  for _, name in ipairs(names) do
    local lines_here, missed_here = 0, 0
    for _, reached in pairs(files[name].reached) do
      lines_here = lines_here + 1
      if not reached then missed_here = missed_here + 1 end
    end
    all, missed = all + lines_here, missed + missed_here
    print(("%-36s %7d %7d %10s"):format(name, lines_here,
      lines_here - missed_here, missed_here > 0 and missed_here or ""))
  end
  print(("%-36s %7d %7d %10d   %.2f %%"):format("all", all, all - missed,
    missed, 100 * (all - missed) / all))
end

local function print_missed()
  for _, name in ipairs(names) do
    local file = files[name]
    for number, text in ipairs(file.text) do
      if file.reached[number] == false then
        local reason = file.reasons[number]
        print(("%s:%d: %s"):format(name, number, text))
        if reason then
          print(reason)
        else
          complain("%s:%d: neither reached nor justified: %s", name, number,
            text)
        end
      end
    end
  end
end

read_counters()
read_notes()
for _, entry in ipairs(read_justified()) do justify(entry) end
print_table()
print "\nNot reached:"
print_missed()
if #complaints > 0 then
  print(("\n%s does not agree:\n%s"):format(JUSTIFIED,
    table.concat(complaints, "\n")))
  os.exit(1)
end
print("\nEach of them has its reason in " .. JUSTIFIED .. ".")
