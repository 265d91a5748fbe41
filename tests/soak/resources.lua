-- SPDX-License-Identifier: MIT
-- What the process has: objects of the library, threads, descriptors, memory;
-- and whether it stays the same.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local core = require "llthreads2.core"
local contents = require "support.files".contents
local native = require "soak_native"
local sync = require "spec.support.sync"

local resources = {}

-- ---- what is counted, and must be back where it was ----

local function census()
  local counts = core.live()
  counts["threads of the system"] = native.entries("/proc/self/task")
  counts.descriptors = native.entries("/proc/self/fd")
  return counts
end

local function excess(counts, base)
  local found = {}
  for kind, number in pairs(counts) do
    if number > base[kind] then
      found[#found + 1] = ("%d %s"):format(number - base[kind], kind)
    end
  end
  table.sort(found)
  return #found > 0 and table.concat(found, ", ") or nil
end

-- Large pieces of memory are kept for later use, up to 64 MB of them. So that
-- this is no growth, they are there from the beginning.
local function fill()
  local ch, text = channel.new(), ("x"):rep(2 ^ 20)
  for power = 15, 20 do
    for _ = 1, 33 do ch:send({ text:sub(1, 2 ^ power) }) end
  end
  ch:clear()
end

-- What there is before the first round.
function resources.base()
  fill()
  channel.new():receive(1)
  -- ThreadSanitizer has a thread of its own from the first one on.
  assert(llthreads.new(""):start():join())
  sync.collect()
  return census()
end

-- Waits until nothing is left that was not there before: threads that were
-- detached may be on their way out. Raises what is left when the patience, in
-- seconds, is over.
function resources.settle(base, patience)
  local limit = native.now() + patience
  local left
  repeat
    sync.collect()
    left = excess(census(), base)
    if not left then return end
    channel.new():receive(0.5)
  until native.now() > limit
  error("left behind: " .. left, 0)
end

-- ---- memory ----

local function resident()
  return tonumber(contents("/proc/self/statm"):match("^%d+ (%d+)")) * 4096
end

function resources.peak()
  return tonumber(contents("/proc/self/status"):match("VmHWM:%s*(%d+)")) * 1024
end

-- One reading, which is taken after a collection.
function resources.read()
  native.trim()
  return { resident = resident(), allocated = native.allocated(),
    descriptors = native.entries("/proc/self/fd") }
end

local function median(readings, kind, first, last)
  local list = {}
  for i = first, last do list[#list + 1] = readings[i][kind] end
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

-- So few say nothing.
local ENOUGH = 12

-- By how many bytes the last quarter of the readings may be above the second.
-- What is resident under a sanitizer is the sanitizer's.
local SLACK = { allocated = 4 * 2 ^ 20, resident = 16 * 2 ^ 20 }
if (os.getenv("LD_PRELOAD") or ""):find("lib[at]san") then
  SLACK.resident = nil
end

-- How much more there is in the last quarter of the readings than in the
-- second; nil if there are too few to say. The first is for warming up.
function resources.growth(readings, kind)
  local count = #readings
  if count < ENOUGH then return nil end
  local quarter = math.floor(count / 4)
  return median(readings, kind, count - quarter + 1, count)
    - median(readings, kind, quarter + 1, 2 * quarter)
end

-- Raises an error if the memory has grown.
function resources.check(readings)
  for kind, slack in pairs(SLACK) do
    local growth = resources.growth(readings, kind)
    if growth and growth > slack then
      error(("%.0f KB more are %s than before"):format(growth / 1024, kind), 0)
    end
  end
end

return resources
