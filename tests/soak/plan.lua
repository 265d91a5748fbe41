-- SPDX-License-Identifier: MIT
-- What happens in a round, drawn from its seed: its channels, and the jobs of
-- its workers. (When each of them does what is up to the machine.)

local lua = require "support.lua"
local dice = require "tests.soak.dice"
local payload = require "tests.soak.payload"

local random = dice.random

local plan = {}

-- ---- channels ----

local CAPACITIES = { false, false, 1, 1, 2, 3, 7, 64 }

-- The options of the channels. Those with a descriptor are asked for it before
-- the round begins.
local function draw_channels(round)
  for place = 1, random(6) do
    round.channels[place] = {
      capacity = CAPACITIES[random(#CAPACITIES)] or nil,
      name = random(4) == 1 and ("soak %d"):format(place) or nil,
    }
    round.pollable[place] = random(4) == 1
  end
end

-- ---- jobs ----

local function add(round, role, job)
  local jobs = round.jobs
  job.role, job.sender, job.index = role, #jobs + 1, #jobs + 1
  job.seed, job.profile = random(2147483646), round.profile
  -- In LuaJIT an interrupt reaches all coroutines at once: see worker.lua.
  job.interruptible = role ~= "maker" and random(3) == 1 and not lua.jit
  job.always = random(2) == 1
  job.fds = round.fds
  jobs[#jobs + 1] = job
  return job
end

local ONE, SEVERAL = { "receiver", "receiver", "loop", "select", "poll" },
  { "select", "select", "select", "poll" }

local function add_reader(round, reads)
  local roles = #reads == 1 and ONE or SEVERAL
  add(round, roles[random(#roles)], { reads = reads })
end

local function shuffled(count)
  local list = {}
  for i = 1, count do table.insert(list, random(i), i) end
  return list
end

local function some(count)
  local list = shuffled(count)
  return { lua.unpack(list, 1, random(count)) }
end

-- Each channel has a reader that stays until it is closed and empty, so that
-- nobody waits for room for ever; and there are readers more.
local function draw_readers(round)
  local places = shuffled(#round.channels)
  local groups = random(math.min(3, #places))
  for group = 1, groups do
    local reads = {}
    for i = group, #places, groups do reads[#reads + 1] = places[i] end
    add_reader(round, reads)
  end
  for _ = 1, random(0, 2) do
    add_reader(round, random(2) == 1 and some(#places)
      or { random(#places) })
  end
end

-- Small rounds are frequent, large ones are not rare.
local function amount(scale, most)
  return math.ceil(scale * most * random() ^ 3) + 1
end

local function draw_senders(round, scale)
  for _ = 1, random(3) do
    add(round, "sender", { writes = some(#round.channels),
      attempts = amount(scale, round.most) })
  end
end

local function draw_others(round, scale)
  for _ = 1, random(0, 2) do
    add(round, "everything", { attempts = amount(scale, round.most),
      clears = round.clears, closes = round.closes })
  end
  for _ = 1, random(0, 2) do
    add(round, "maker", { deeds = amount(scale, 60), depth = random(0, 3),
      writes = some(#round.channels) })
  end
end

-- Whether a reader is alone: what it finds nobody else takes.
local function find_the_sole(round)
  local readers, shared = {}, false
  for _, job in ipairs(round.jobs) do
    shared = shared or job.role == "everything"
    for _, place in ipairs(job.reads or {}) do
      readers[place] = (readers[place] or 0) + 1
    end
  end
  for _, job in ipairs(round.jobs) do
    job.sole = not shared and job.reads ~= nil
    for _, place in ipairs(job.reads or {}) do
      job.sole = job.sole and readers[place] == 1
    end
  end
end

-- How many attempts a sender makes at the most.
local MOST = { light = 40000, mixed = 12000, heavy = 2500, handles = 4000 }

-- The plan of the round with this seed, which also seeds the dice for what
-- the round does on its way.
function plan.draw(seed, scale)
  dice.seed(seed)
  local profile = payload.PROFILES[random(#payload.PROFILES)]
  local round = { channels = {}, pollable = {}, jobs = {}, profile = profile,
    most = MOST[profile], clears = random(2) == 1, closes = random(5) == 1,
    fds = random(4) == 1 }
  draw_channels(round)
  draw_readers(round)
  draw_senders(round, scale)
  draw_others(round, scale)
  find_the_sole(round)
  return round
end

return plan
