-- SPDX-License-Identifier: MIT
--
-- Measurements that need a process of their own, for what has happened in one
-- before would show: memory that was freed is used again.

local fresh = {}

-- The program: who, and how many threads. Prints the bytes of one.
local PROGRAM = [[
local native = require "bench_native"
local who, count = arg[1], tonumber(arg[2])

local function resident()
  for line in io.lines("/proc/self/smaps_rollup") do
    local size = line:match("^Rss:%s*(%d+)")
    if size then return size * 1024 end
  end
end

local idle
if who == "floor" then
  idle = function(number)
    native.idle_threads(number)
    native.gather(number)
  end
elseif who == "peer" then
  local llthreads = require "bench.support.llthreads"
  idle = assert(llthreads.peer(os.getenv("LLTHREADS2_PEER"))).idle
else
  local adapter = require "bench.adapters.llthreads2_channel"
  adapter.load()
  idle = adapter.idle
end

local kept = { idle(1) }
collectgarbage()
local before = resident()
kept[2] = idle(count)
print((resident() - before) // count)
os.exit(0, false)
]]

local function quoted(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

local function interpreter()
  local first = 0
  while arg[first - 1] do first = first - 1 end
  return first < 0 and arg[first] or "lua5.4"
end

-- The number that a program prints, which gets the other arguments.
function fresh.number(program, ...)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(program):close()
  local words = { quoted(interpreter()), quoted(path) }
  for _, word in ipairs { ... } do words[#words + 1] = quoted(word) end
  local pipe <close> = assert(io.popen(table.concat(words, " ")))
  local number = pipe:read("n")
  os.remove(path)
  return assert(number, "the program has printed no number")
end

-- A contestant's `run` that tells the bytes of an idle thread.
function fresh.memory(who, count)
  return function() return fresh.number(PROGRAM, who, count) end
end

return fresh
