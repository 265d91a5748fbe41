-- SPDX-License-Identifier: MIT
-- One round: its workers are let loose on its channels, some of them are
-- interrupted, and in the end everything has to be accounted for.
--
-- The channels are closed last, after they have run empty by themselves: a
-- close would hide that somebody who waits has not been woken. So a lost
-- wake-up is a round that does not end, which the watchdog notices (run.sh).

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local dice = require "tests.soak.dice"
local ledger = require "tests.soak.ledger"
local plan = require "tests.soak.plan"
local worker = require "tests.soak.worker"

local random, pack = dice.random, lua.pack

local Round = {}
Round.__index = Round

-- ---- beginning ----

-- Of those that may be interrupted, none is detached: they would not notice.
local ATTACHED = { { "results", n = 0 }, { "zero", false, false, n = 2 } }
local ALL = { ATTACHED[1], ATTACHED[2], { "never", true, n = 1 },
  { "zero", true, true, n = 2 } }

function Round:open_channels()
  for place, options in ipairs(self.plan.channels) do
    self.channels[place] = channel.new(options)
    if self.plan.pollable[place] then self.channels[place]:fd() end
  end
end

function Round:start_worker(job)
  local control = job.interruptible and channel.new() or nil
  local flags = control and ATTACHED or ALL
  flags = flags[random(#flags)]
  local thread = llthreads.new(worker.PROGRAM, job, self.channels, self.report,
    self.acks, control)
  assert(thread:start(lua.unpack(flags, 2, flags.n + 1)))
  self.workers[job.index] = { job = job, thread = thread, flags = flags,
    control = control, sent = 0 }
  self:expect(job.sender, job.reads, 1)
  self:count("threads")
end

-- ---- figures and reports ----

function Round:count(what, more)
  self.counts[what] = (self.counts[what] or 0) + (more or 1)
end

-- A report is expected once more, or has come. One may come before the report
-- of the parent, which is the first to tell of it.
function Round:expect(sender, reads, more)
  local kind = reads and self.readers or self.others
  local before = kind[sender] or 0
  kind[sender] = before + more
  kind.open = kind.open + (before == 0 and 1 or 0)
    - (kind[sender] == 0 and 1 or 0)
end

function Round:accept(book)
  if book.failure then error("in a worker: " .. book.failure, 0) end
  self.books[#self.books + 1] = book
  self:expect(book.sender, book.reads, -1)
  for _, child in ipairs(book.spawned) do self:expect(child, nil, 1) end
  for what, number in pairs(book.counts) do self:count(what, number) end
end

-- Accepts a report if one comes within the time.
function Round:hear(timeout)
  local ok, book = self.report:receive(timeout)
  if ok then self:accept(book) end
end

-- ---- interrupting ----

function Round:arm()
  local ok, index = self.acks:receive(0)
  while ok do
    self.workers[index].armed = true
    ok, index = self.acks:receive(0)
  end
end

-- Takes the interrupt back, and lets the worker collect and arm again.
local function release(each)
  each.thread:interrupt(false)
  each.due = nil
  assert(each.control:send())
end

function Round:interrupt(each)
  each.armed = false
  if each.job.always then
    -- Not for long: until then each of its waits ends at once.
    each.due = random(2)
    each.thread:interrupt(true)
  else
    each.due = random(10)
    each.thread:interrupt()
  end
  each.sent = each.sent + 1
  self:count("interrupts")
end

-- One step: some are interrupted, others have been for long enough.
function Round:disturb()
  self:arm()
  for _, each in ipairs(self.workers) do
    if each.armed and random(4) == 1 then
      self:interrupt(each)
    elseif each.due then
      each.due = each.due - 1
      if each.due == 0 then release(each) end
    end
  end
end

-- No interrupt is under way any more.
function Round:calm()
  for _, each in ipairs(self.workers) do
    if each.due then release(each) end
  end
end

-- ---- ending ----

function Round:run_dry()
  for _, ch in ipairs(self.channels) do
    while ch:count() > 0 do self:hear(0.2) end
  end
end

-- None has been closed by anybody but a worker that may.
function Round:close_all()
  for place, ch in ipairs(self.channels) do
    if ch:closed() and not self.counts.closes then
      error(("channel %d was closed by nobody"):format(place), 0)
    end
    ch:close()
  end
end

local function is_interrupt(problem)
  return tostring(problem):find(llthreads.interrupted_error, 1, true)
end

-- An interrupt may have come when all was done.
local function check_join(each, ok, ...)
  local kind = each.flags[1]
  if kind == "never" then
    if ok ~= nil then error("a detached thread was joined", 0) end
  elseif kind == "zero" then
    if not ok or ... ~= 0 then error("join: " .. tostring(...), 0) end
  elseif not ok and not (each.control and is_interrupt(...)) then
    error("a worker has failed: " .. tostring(...), 0)
  elseif ok and not (... == "done" and select(2, ...) == each.job.sender) then
    error("a worker's results are others", 0)
  end
end

function Round:join_all()
  for _, each in ipairs(self.workers) do
    check_join(each, each.thread:join())
  end
end

-- Each interrupt is raised once at the most.
function Round:check_interrupts()
  for _, book in ipairs(self.books) do
    local each = self.workers[book.sender]
    local raised = each and each.control and book.counts.raised or 0
    if raised > 0 and not each.job.always and raised > each.sent then
      error(("%d interrupts raised, and %d sent"):format(raised, each.sent), 0)
    end
  end
end

local function check_end(ch)
  local results = pack(ch:receive(0))
  if ch:count() ~= 0 or results.n ~= 2 or results[2] ~= "closed" then
    error("a channel is not at its end", 0)
  end
  results = pack(ch:try_send("late"))
  if results[1] or results[2] ~= "closed" then
    error("a closed channel takes messages", 0)
  end
end

-- ---- the whole ----

local round = {}

local function new_round(seed, scale)
  return setmetatable({ plan = plan.draw(seed, scale), channels = {},
    workers = {}, books = {}, counts = {}, report = channel.new(),
    acks = channel.new(), readers = { open = 0 },
    others = { open = 0 } }, Round)
end

-- Plays the round of this seed; `phase(what)` is told what it is at. Returns
-- its figures, and raises what is wrong.
function round.play(seed, scale, phase)
  local self = new_round(seed, scale)
  phase("start")
  self:open_channels()
  for _, job in ipairs(self.plan.jobs) do self:start_worker(job) end
  phase("work")
  while self.others.open > 0 do
    self:hear(random() * 3)
    self:disturb()
  end
  self:calm()
  phase("run dry")
  self:run_dry()
  phase("close")
  self:close_all()
  while self.readers.open > 0 do self:hear() end
  phase("join")
  self:join_all()
  phase("check")
  self:check_interrupts()
  for _, ch in ipairs(self.channels) do check_end(ch) end
  local acked, received, cleared = ledger.check(self.books)
  self:count("acked", acked)
  self:count("received", received)
  self:count("cleared", cleared)
  return self.counts
end

return round
