-- SPDX-License-Identifier: MIT
-- How threads are started and joined, and what has to come of it: everything
-- else is an error, which fails the maker and with it the round.

local lua = require "support.lua"
local dice = require "tests.soak.dice"
local payload = require "tests.soak.payload"

local random, pack, unpack = dice.random, lua.pack, lua.unpack

local life = {}

-- Raises what was found if it is not what it should be.
function life.demand(condition, what, ...)
  if condition then return condition end
  local found = pack(...)
  for i = 1, found.n do
    found[i] = type(found[i]) == "string" and ("%q"):format(found[i])
      or tostring(found[i])
  end
  error(what .. ": " .. table.concat(found, ", "), 0)
end

function life.demand_same(expected, what, ...)
  life.demand(payload.same(expected, pack(...)), what, ...)
end

-- Arguments of start, and what join makes of them.
life.FLAGS = {
  { "results", n = 0 }, { "results", false, n = 1 },
  { "results", false, true, n = 2 }, { "zero", false, false, n = 2 },
  { "zero", nil, nil, n = 2 }, { "never", true, n = 1 },
  { "never", true, false, n = 2 }, { "zero", true, true, n = 2 },
}

life.ATTACHED = 5 -- so many of these, the first ones, are attached

function life.begin(self, thread, flags)
  self:count("threads")
  life.demand(thread:started() == false, "started before its start")
  local started, problem = thread:start(unpack(flags, 2, flags.n + 1))
  life.demand(started == thread, "start", started, problem)
  life.demand_same(pack(nil, "Thread already started."), "second start",
    thread:start())
  return thread
end

-- What join returns in the end, by joining in one of many ways.
function life.join(thread)
  local way = random(4)
  if way == 1 then return thread:join() end
  if way == 2 then return thread:join(math.huge) end
  local results
  repeat
    if way == 3 then thread:alive() end
    results = pack(thread:join(random(0, 2) * random()))
  until results[1] ~= nil or results[2] ~= "timeout"
  return unpack(results, 1, results.n)
end

local JOINED = pack(nil,
  "Can't join a thread that has already been joined.")
local DETACHED = pack(nil, "Can't join a thread that has been detached.")

-- Joins a thread that has to succeed with these results.
function life.expect(thread, flags, results)
  local kind = flags[1]
  if kind == "never" then
    return life.demand_same(DETACHED, "join", thread:join())
  elseif kind == "zero" then
    results = pack(0)
  end
  life.demand_same(pack(true, unpack(results, 1, results.n)), "join",
    life.join(thread))
  life.demand_same(JOINED, "second join", thread:join())
end

return life
