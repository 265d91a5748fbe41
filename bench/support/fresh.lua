-- SPDX-License-Identifier: MIT
--
-- Measurements that need a process of their own, for what has happened in one
-- before would show: memory that was freed is used again.

local files = require "support.files"

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
print((resident() - before) / count)
os.exit(0, false)
]]

-- The number that a program prints, which gets the other arguments.
function fresh.number(program, ...)
  local path = os.tmpname()
  files.write(path, program)
  local number = tonumber(files.output(
    files.command { files.interpreter(), path, ... }))
  os.remove(path)
  return assert(number, "the program has printed no number")
end

-- A contestant's `run` that tells the bytes of an idle thread.
function fresh.memory(who, count)
  return function() return fresh.number(PROGRAM, who, count) end
end

return fresh
