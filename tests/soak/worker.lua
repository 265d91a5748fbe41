-- SPDX-License-Identifier: MIT
-- What runs in the threads of a round, each in one of the roles of roles.lua.
-- Each keeps a ledger, and sends it through the channel `report` when it ends:
--
--   acked      numbers of the messages whose send was acknowledged
--   received   numbers of those received, in their order
--   cleared    by channel: how many were dropped by clear()
--   spawned    numbers of those it has started that will report
--   counts     figures
--   failure    what went wrong, if anything did
--
-- Interrupts
-- ----------
-- An interrupt can come right behind the return of a receive, and take the
-- message away: then nobody could tell whether a message was lost. But a
-- coroutine that was made before an interrupt is reached in its waits alone,
-- as long as nothing collects garbage in it; and a wait that is interrupted
-- has sent and taken nothing. So a worker that is to be interrupted runs in a
-- coroutine with its collector stopped, and says "armed" when it may be
-- interrupted. When the coordinator has taken its interrupt back it says so,
-- and the worker collects its garbage and arms again. (In LuaJIT coroutines
-- have their hooks in common, and none of this would help: no worker is
-- interrupted there. The lives of threads have interrupts enough.)

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local native = require "soak_native"
local socket = require "socket"
local calls = require "tests.soak.calls"
local dice = require "tests.soak.dice"
local payload = require "tests.soak.payload"
local roles = require "tests.soak.roles"

local random = dice.random
local INTERRUPTED = llthreads.interrupted_error

local Worker = {}
Worker.__index = Worker

-- ---- the ledger ----

local function new_ledger(job)
  return { sender = job.sender, reads = job.reads, acked = {}, received = {},
    cleared = {}, spawned = {}, counts = {} }
end

function Worker:count(what, more)
  local counts = self.ledger.counts
  counts[what] = (counts[what] or 0) + (more or 1)
end

local function unprotected(f, ...)
  return true, f(...)
end

-- A wait has raised. Anything but an interrupt is a failure.
function Worker:interrupted(problem)
  if not tostring(problem):find(INTERRUPTED, 1, true) then
    error(problem, 0)
  end
  self:count("raised")
  -- A persistent one ends each wait at once: let others run meanwhile. (This is
  -- no wait that an interrupt reaches.)
  socket.sleep(0.0001)
  return "interrupted"
end

-- ---- sending ----

local SENDS = {
  function(ch, ...) return ch:send(...) end,
  function(ch, ...) return ch:try_send(...) end,
  function(ch, ...) return ch:timed_send(random() * 2, ...) end,
}

function Worker:acknowledge(number, unharmed, ok, reason)
  if not unharmed then return self:interrupted(ok) end
  if ok then
    local acked = self.ledger.acked
    acked[#acked + 1] = number
    self.sent_bytes = self.sent_bytes + payload.bytes(number, self.profile)
    return "sent"
  end
  self:count(reason)
  return reason
end

-- Tries to send one message.
function Worker:attempt(place)
  self.attempts = self.attempts + 1
  local number = payload.number(place, self.sender, self.attempts)
  local send = SENDS[random(#SENDS)]
  return self:acknowledge(number, self.guarded(function(...)
    return calls.answered(calls.attempt(send, ...))
  end, self.channels[place], number, payload.values(number, self.profile)))
end

-- ---- receiving ----

local function enter(self, place, number, ...)
  if not payload.is_number(number) or payload.place(number) ~= place then
    error(("channel %d has a message %s"):format(place, number), 0)
  elseif not payload.check(number, self.profile, ...) then
    error("changed: " .. payload.describe(number), 0)
  end
  local received = self.ledger.received
  received[#received + 1] = number
end

-- Enters what a receive has returned: "taken", or why nothing was.
function Worker:took(place, unharmed, ok, number, ...)
  if not unharmed then return self:interrupted(ok) end
  if not ok then return number end
  calls.deliver(enter, self, place, number, ...)
  return "taken"
end

local function looked(self, place, ok, number, ...)
  self:count("peeks")
  if not ok then return end
  if payload.place(number) ~= place
    or not payload.look(number, self.profile, ...) then
    error("changed at a peek: " .. payload.describe(number), 0)
  end
end

function Worker:look(place)
  local ch = self.channels[place]
  looked(self, place, ch:peek())
  local bound = ch:capacity()
  if ch:count() > bound then error("more messages than the bound", 0) end
end

function Worker:clear(place)
  local cleared = self.ledger.cleared
  local count = calls.clear(self.channels[place])
  cleared[place] = (cleared[place] or 0) + count
  self:count("clears")
end

-- ---- garbage ----

local COLLECTORS = {
  function() collectgarbage("step", random(0, 200)) end,
  function() collectgarbage() end,
}
if lua.version >= 5.4 then
  table.insert(COLLECTORS, function()
    collectgarbage("incremental", random(100, 400), random(50, 400))
  end)
  table.insert(COLLECTORS, function()
    collectgarbage("generational", random(5, 40), random(50, 200))
  end)
else
  table.insert(COLLECTORS, function()
    collectgarbage("setpause", random(100, 400))
    collectgarbage("setstepmul", random(100, 400))
  end)
end

local function collect_somehow()
  COLLECTORS[random(#COLLECTORS)]()
end

-- Between two operations: arms again, or collects.
function Worker:pause()
  local control = self.control
  if not control then
    if random(400) == 1 then collect_somehow() end
  elseif control:count() > 0 and control:receive(0) then
    -- It starts the collector anew when it changes its mode.
    collect_somehow()
    collectgarbage("stop")
    self:arm()
  end
end

-- Whether to go on: a round ends in time on a busy machine, too.
function Worker:may_go_on()
  return random(16) > 1 or native.now() < self.limit
end

function Worker:arm()
  assert(self.acks:send(self.index))
end

-- ---- the thread ----

-- Some ask for their channels by name.
local function looked_up(channels)
  for i, ch in ipairs(channels) do
    local name = ch:name()
    if name and random(2) == 1 then
      local found = channel.get(name)
      assert(found == ch, "a name leads to another channel")
      channels[i] = found
    end
  end
  return channels
end

-- How many seconds a worker goes on at the most.
local LONGEST = 3

local worker = {}

-- Does the job, and reports. `acks` and `control` are for one that may be
-- interrupted.
local function work(self)
  local ok, problem = xpcall(function() roles[self.job.role](self) end,
    debug.traceback)
  local ledger = self.ledger
  if not ok then ledger.failure = problem end
  self:count("attempts", self.attempts)
  self:count("bytes", self.sent_bytes)
  assert(self.report:send(ledger))
end

local function new_worker(job, channels, report, acks, control)
  return setmetatable({ job = job, ledger = new_ledger(job), attempts = 0,
    sent_bytes = 0, sender = job.sender, index = job.index,
    profile = job.profile, channels = looked_up(channels), report = report,
    acks = acks, control = control, guarded = control and pcall or unprotected,
    idle = channel.new(), limit = native.now() + LONGEST }, Worker)
end

-- The logger counts for nothing here; lives.lua has some that do.
function worker.run(job, channels, report, acks, control)
  llthreads.set_logger(function() end)
  dice.seed(job.seed)
  local self = new_worker(job, channels, report, acks, control)
  if not control then
    collect_somehow()
    work(self)
    return "done", job.sender
  end
  collectgarbage("stop")
  local protected = coroutine.create(function()
    self:arm()
    work(self)
  end)
  assert(coroutine.resume(protected))
  return "done", job.sender
end

-- The program of such a thread.
worker.PROGRAM = [[return require("tests.soak.worker").run(...)]]

return worker
