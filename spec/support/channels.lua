-- SPDX-License-Identifier: MIT
-- What the specs of channels share: threads that are known to wait, and ends
-- that are known to come.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local core = require "llthreads2.core"
local lua = require "support.lua"
local sync = require "spec.support.sync"

local channels = {}

-- The longest wait for anything that happens at once in a healthy library, in
-- milliseconds. A spec's own thread never waits without it.
channels.PATIENCE = sync.PATIENCE * 1000

-- Seconds to spend on each of the larger tests; nil in everyday runs.
channels.STRESS = tonumber(os.getenv("LLTHREADS2_STRESS"))

-- A thread that is collected is waited for. So that a failed test cannot hang
-- the suite by a thread that waits for ever, each has a guard that is younger,
-- hence finalised first, and interrupts what still runs. It refers to its
-- thread, so it is only made where weak tables let go of such a pair.
local guards = setmetatable({}, { __mode = "k" })

-- Starts a thread that runs `code` with the arguments.
function channels.start(code, ...)
  local thread = llthreads.new(sync.QUIET .. code, ...)
  if lua.has_ephemerons then
    guards[thread] = lua.finalised(function() thread:interrupt(true) end)
  end
  return assert(thread:start())
end

local ANNOUNCED = sync.THREAD_ID .. [[
local report = ...
report:send(thread_id())
return (function(...) %s
end)(select(2, ...))]]

-- The same for many threads, which are returned once all of them have begun,
-- with the numbers that the operating system knows them by. All of them get
-- the same arguments.
function channels.begun(count, code, ...)
  local report, threads, numbers = channel.new(), {}, {}
  for i = 1, count do
    threads[i] = channels.start(ANNOUNCED:format(code), report, ...)
  end
  for i = 1, count do
    numbers[i] = select(2, assert(report:receive(channels.PATIENCE)))
  end
  return threads, numbers
end

-- The same, returned once all of them sleep: `code` is to begin with a wait.
function channels.sleepers(count, code, ...)
  local threads, numbers = channels.begun(count, code, ...)
  for _, number in ipairs(numbers) do
    assert(sync.asleep(number), "a thread does not sleep")
  end
  return threads, numbers
end

-- The same for one thread.
function channels.sleeper(code, ...)
  return channels.sleepers(1, code, ...)[1]
end

-- What `join` returns, of a thread that has to end.
function channels.join(thread)
  local results = lua.pack(thread:join(channels.PATIENCE))
  if results[1] == nil then
    error("the thread does not end: " .. tostring(results[2]), 2)
  end
  return lua.unpack(results, 1, results.n)
end

-- The results of a thread that has to succeed, packed.
function channels.results(thread)
  local results = lua.pack(channels.join(thread))
  assert(results[1], results[2])
  return lua.pack(lua.unpack(results, 2, results.n))
end

-- How many of the threads have ended by now.
function channels.ended(threads)
  local count = 0
  for _, thread in ipairs(threads) do
    if not thread:alive() then count = count + 1 end
  end
  return count
end

-- A name that no live channel has.
function channels.name()
  return "spec " .. tostring({})
end

-- How many handles and messages there are when all garbage is collected.
function channels.alive()
  sync.collect()
  local live = core.live()
  return live.handles, live.messages
end

-- Repeats `body` once, or under stress as long as that is to last. A failure
-- names the seed that repeats it.
function channels.repeatedly(body)
  local seed = sync.seed()
  local limit = sync.now() + (channels.STRESS or 0)
  repeat
    local ok, problem = pcall(body)
    if not ok then
      print("LLTHREADS2_SEED=" .. seed)
      error(problem, 0)
    end
  until sync.now() >= limit
end

return channels
