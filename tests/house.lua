-- SPDX-License-Identifier: MIT
--
-- house.lua MODULE COMPILER...: the rules of the house that a program can
-- check. Run from the source directory; MODULE is the finished core.so, and
-- the compiler, with its options, finds the headers of Lua.

local support = require "support.files"

local read, lines_of = support.contents, support.lines_of

local module, compiler = arg[1], table.concat(arg, " ", 2)

-- ---- exceptions, each with its reason; one that is none is reported ----

local max_file_lines, max_function_lines = 400, 30

local long_files = {}

local long_functions = {
  decode_tagged = "a dispatch: each tag, and what it becomes",
}

local not_used = {
  codec_decode_bytes = "for messages from elsewhere: fuzzed, not yet offered",
}

-- ---- what is there ----

local broken = 0

local function rule(sentence, offences)
  if #offences == 0 then return end
  broken = broken + 1
  print("Broken: " .. sentence)
  print(table.concat(offences, "\n"))
end

local function without_comments(text)
  return (text:gsub("/%*.-%*/", function(comment)
    return comment:gsub("[^\n]+", "")
  end))
end

-- Of each file: where it is; its name without the folder, which is unique; its
-- text and code; what it includes.
local files, by_name = {}, {}
for _, path in ipairs(lines_of("ls runtime/*.[ch] channels/*.[ch] core/*.c")) do
  local file = {path = path, name = path:match("[^/]+$"), includes = {}}
  file.text = read(path)
  file.code = without_comments(file.text)
  for name in file.code:gmatch('#include [<"]([^>"]+)[>"]') do
    table.insert(file.includes, name)
  end
  file.is_header = path:find("%.h$") ~= nil
  file.is_binding = file.name:find("^lua_") ~= nil
  files[#files + 1], by_name[file.name] = file, file
end

-- The offences that `check` reports of the files one after the other.
local function each_file(check)
  local offences = {}
  for _, file in ipairs(files) do
    check(file, function(format, ...)
      offences[#offences + 1] = file.path .. ": " .. format:format(...)
    end)
  end
  return offences
end

-- Reports the exceptions that have not been `needed`.
local function no_exceptions(exceptions, needed, offences)
  for name in pairs(exceptions) do
    if not needed[name] then
      offences[#offences + 1] = name .. " is no exception any more"
    end
  end
  return offences
end

-- ---- engine and binding ----

-- However indirectly.
local function includes_lua(name, seen)
  if name == "lua.h" or name == "lauxlib.h" or name == "lualib.h" then
    return true
  end
  seen = seen or {}
  if seen[name] or not by_name[name] then return false end
  seen[name] = true
  for _, included in ipairs(by_name[name].includes) do
    if includes_lua(included, seen) then return true end
  end
  return false
end

rule("each file named lua_*.c includes lua.h", each_file(function(file, offence)
  if file.is_binding and not file.is_header and not includes_lua(file.name) then
    offence("does not")
  end
end))

rule("no other file includes lua.h", each_file(function(file, offence)
  if not file.is_binding and includes_lua(file.name) then offence("does") end
end))

-- Reports the lines in which one of the patterns occurs as a word.
local function find_words(patterns, exempt)
  return each_file(function(file, offence)
    if exempt(file) then return end
    for line in file.text:gmatch("[^\n]+") do
      for _, pattern in ipairs(patterns) do
        if line:find("%f[%w_]" .. pattern .. "%f[^%w_]") then
          offence("%s", line)
        end
      end
    end
  end)
end

rule("no file named lua_* calls ck_*", find_words({"ck_[%w_]+"},
  function(file) return not file.is_binding end))

rule("all atomics are those of Concurrency Kit", find_words(
  {"__atomic_[%w_]+", "__sync_[%w_]+", "asm", "__asm", "__asm__", "_Atomic",
   "stdatomic%.h"}, function() return false end))

rule("lua_compat alone asks which Lua it is", find_words(
  {"LUA_VERSION[%w_]*", "LUAJIT[%w_]*"},
  function(file) return file.name:find("^lua_compat%.") end))

-- ---- headers ----

-- That a header can be included alone is seen by the build where a file begins
-- with it.
local begun_with = {}
for _, line in ipairs(lines_of("grep -Hm1 '^#include' runtime/*.c " ..
                               "channels/*.c tests/*.c")) do
  begun_with[line:match('"(.-)"') or ""] = true
end

rule("a file begins with its own header", each_file(function(file, offence)
  local own = file.name:gsub("%.c$", ".h")
  if not file.is_header and by_name[own] and file.includes[1] ~= own then
    offence("begins with %s", file.includes[1])
  end
end))

local headers = {}
for _, file in ipairs(files) do
  if file.is_header and not begun_with[file.name] then
    headers[#headers + 1] = file.path
  end
end
rule("each header can be included alone", lines_of(
  compiler .. " -std=gnu11 -D_GNU_SOURCE -Iruntime -Ichannels -Wall -Wextra "
  .. "-Werror -fsyntax-only -x c " .. table.concat(headers, " ") .. " 2>&1"))

-- ---- what is in headers without need ----

-- How often each word occurs in each file, less where a function of that name
-- is declared or defined, and in which files it is.
local uses, declared = {}, {}

local function add(counts, word, file, number)
  counts[word] = counts[word] or {}
  counts[word][file] = (counts[word][file] or 0) + number
end

-- The name of the function whose first line it is.
local function function_in(line)
  return line:match("^%a[^#=;]-[ *]([%w_]+)%(")
end

for _, file in ipairs(files) do
  for word in file.code:gmatch("[%a_][%w_]*") do add(uses, word, file, 1) end
  for line in file.code:gmatch("[^\n]+") do
    local name = function_in(line)
    if name then
      add(uses, name, file, -1)
      add(declared, name, file, 1)
    end
  end
end

-- Inline functions of a header may be what needs it there.
local function is_used(name)
  for file, count in pairs(uses[name]) do
    if count > 0 and (file.is_header or not declared[name][file]) then
      return true
    end
  end
  return false
end

local needed = {}
local unused = each_file(function(file, offence)
  for name, places in pairs(declared) do
    if file.is_header and places[file] and not is_used(name) then
      needed[name] = true
      if not not_used[name] then offence("%s", name) end
    end
  end
end)
rule("what a header declares is used in other files",
     no_exceptions(not_used, needed, unused))

-- ---- sizes ----

needed = {}
local too_long = each_file(function(file, offence)
  local _, lines = file.text:gsub("\n", "")
  if lines > max_file_lines then
    needed[file.path] = true
    if not long_files[file.path] then offence("%d lines", lines) end
  end
end)
rule("no file has more than " .. max_file_lines .. " lines",
     no_exceptions(long_files, needed, too_long))

needed = {}
too_long = each_file(function(file, offence)
  local name, first
  local number = 0
  for line in file.text:gmatch("([^\n]*)\n") do
    number = number + 1
    name = function_in(line) or name
    if line == "{" then
      first = number
    elseif line == "}" and first then
      local lines = number - first - 1
      if lines > max_function_lines then
        needed[name] = true
        if not long_functions[name] then
          offence("%s: %d lines", name, lines)
        end
      end
      first = nil
    end
  end
end)
rule("no function has more than " .. max_function_lines .. " lines",
     no_exceptions(long_functions, needed, too_long))

-- ---- licences ----

-- In the first line, or in the second after that of a script's interpreter.
local without_licence = {}
for _, path in ipairs(lines_of(
  "find . -path './build*' -prune -o -path './.git' -prune -o -type f "
  .. "\\( -name '*.[ch]' -o -name '*.lua' -o -name '*.sh' -o -name '*.pml' "
  .. "-o -name '*.cmake' -o -name CMakeLists.txt \\) -print")) do
  local file = assert(io.open(path))
  local head = file:read("*l") .. "\n" .. (file:read("*l") or "")
  file:close()
  if not head:find("SPDX%-License%-Identifier: MIT\n") and
     not head:find("SPDX%-License%-Identifier: MIT$") and
     not head:find("SPDX%-License%-Identifier: MIT %*/") then
    without_licence[#without_licence + 1] = path
  end
end
rule("each source file names its licence", without_licence)

-- ---- the module ----

local exports = lines_of("nm -D --defined-only '" .. module
                         .. "' | awk '{ print $NF }'")
if table.concat(exports, " ") == "luaopen_llthreads2_core" then
  exports = {}
elseif #exports == 0 then
  exports = {"nothing is exported"}
end
rule("the module exports luaopen_llthreads2_core, and nothing else", exports)

rule("the module stays loaded and brings no Lua", lines_of(
  "readelf -d '" .. module .. "' | grep -E 'NEEDED.*liblua'; "
  .. "readelf -d '" .. module .. "' | grep -q NODELETE || "
  .. "echo 'can be unloaded'"))

os.exit(broken == 0 and 0 or 1)
