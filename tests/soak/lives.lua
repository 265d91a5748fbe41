-- SPDX-License-Identifier: MIT
-- The lives of threads: made with all flags, joined, dropped, failed, logged,
-- interrupted, and themselves makers of threads. What each must come to is
-- known, and everything else is an error, which fails the maker and with it
-- the round.

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"
local dice = require "tests.soak.dice"
local payload = require "tests.soak.payload"

local random, pack, unpack = dice.random, lua.pack, lua.unpack
local INTERRUPTED = llthreads.interrupted_error

local function demand(condition, what, ...)
  if condition then return condition end
  local found = pack(...)
  for i = 1, found.n do
    found[i] = type(found[i]) == "string" and ("%q"):format(found[i])
      or tostring(found[i])
  end
  error(what .. ": " .. table.concat(found, ", "), 0)
end

local function demand_same(expected, what, ...)
  demand(payload.same(expected, pack(...)), what, ...)
end

-- ---- how threads are started and joined ----

-- Arguments of start, and what join makes of them.
local FLAGS = {
  { "results", n = 0 }, { "results", false, n = 1 },
  { "results", false, true, n = 2 }, { "zero", false, false, n = 2 },
  { "zero", nil, nil, n = 2 }, { "never", true, n = 1 },
  { "never", true, false, n = 2 }, { "zero", true, true, n = 2 },
}

local ATTACHED = 5 -- so many of them are attached

local function begin(self, thread, flags)
  self:count("threads")
  demand(thread:started() == false, "started before its start")
  local started, problem = thread:start(unpack(flags, 2, flags.n + 1))
  demand(started == thread, "start", started, problem)
  demand_same(pack(nil, "Thread already started."), "second start",
    thread:start())
  return thread
end

-- What join returns in the end, by joining in one of many ways.
local function join(thread)
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
local function expect(thread, flags, results)
  local kind = flags[1]
  if kind == "never" then
    return demand_same(DETACHED, "join", thread:join())
  elseif kind == "zero" then
    results = pack(0)
  end
  demand_same(pack(true, unpack(results, 1, results.n)), "join", join(thread))
  demand_same(JOINED, "second join", thread:join())
end

-- ---- threads that succeed ----

local lives = {}

-- Values go in as arguments and come out as results.
function lives.echo(self)
  local number = payload.number(0, self.sender, random(payload.MOST_ATTEMPTS))
  local thread = llthreads.new("return ...", number,
    payload.values(number, "heavy"))
  begin(self, thread, FLAGS[1])
  local function check(ok, same, ...)
    demand(ok and same == number, "echo", ok, same)
    demand(payload.check(number, "heavy", ...), "the echo is another one")
  end
  check(join(thread))
end

-- Threads of all kinds, each of which gives notice once.
function lives.flags(self)
  local notices, missing = channel.new(random(3)), {}
  for i = 1, random(8) do
    local flags = FLAGS[random(#FLAGS)]
    local thread = llthreads.new([[
      local notices, i = ...
      notices:send(i)
      return i]], notices, i)
    begin(self, thread, flags)
    missing[i] = { thread = thread, flags = flags }
  end
  for _ = 1, #missing do
    local ok, i = notices:receive()
    demand(ok and missing[i] and not missing[i].seen, "notice", ok, i)
    missing[i].seen = true
  end
  for i, each in ipairs(missing) do
    -- What is dropped is waited for by the collector, or detached.
    if random(4) > 1 then expect(each.thread, each.flags, pack(i)) end
  end
  if random(4) == 1 then collectgarbage() end
end

function lives.unstarted()
  local ch = channel.new()
  local text = ("x"):rep(random(0, 1) * 70000)
  for i = 1, random(5) do
    local thread = llthreads.new("error('never')", ch, text, { i, ch })
    thread:interrupt(i % 2 == 0)
  end
end

-- Functions, preludes, and a piece of code that comes first.
function lives.ex(self)
  local thread = ex.new({
    function(a, b) return a + b, first, arg.n end, -- luacheck: ignore
    prelude = random(2) == 1 and function(a, b) return a, b end,
    lua_init = "first = 'first'",
  }, 3, 4)
  begin(self, thread, FLAGS[2])
  expect(thread, FLAGS[2], pack(7, "first", 2))
  local failed = ex.new { "x x",
    lua_init = "require('llthreads2').set_logger(function() end)" }
  begin(self, failed, FLAGS[1])
  local ok, problem = failed:join()
  demand(ok == false and problem:find(" near 'x'", 1, true), "syntax", ok,
    problem)
end

-- A parent passes `new` on, and the child's child answers.
function lives.nested(self)
  local code = [[
    require("llthreads2").set_logger(print)
    local code, new, depth, ch = ...
    if depth == 0 then return ch:send("bottom") end
    local thread = new(code, code, new, depth - 1, ch)
    thread:start(false, depth % 2 == 0)
    return thread:join()]]
  local ch, depth = channel.new(1), random(0, 4)
  local thread = llthreads.new(code, code, llthreads.new, depth, ch)
  begin(self, thread, FLAGS[1])
  self:count("threads", depth)
  demand_same(pack(true, "bottom"), "from the bottom", ch:receive())
  demand(join(thread), "nested")
end

-- ---- threads that fail ----

-- Source, and what is reported: the beginning, or all of it.
local FAILURES = {
  { "error('a text ' .. 7)", ":6: a text 7\nstack traceback:\n" },
  { "error('none', 0)", "none\nstack traceback:\n" },
  { "error()", "(no error message)", whole = true },
  { "error({ 'a table' })", "(no error message)", whole = true },
  { "error(setmetatable({}, { __tostring = function() return 'said' end }))",
    "said", whole = true },
  { "error(setmetatable({}, { __tostring = error }))", "(no error message)",
    whole = true },
  { "local t = nil; t.x = 1", "attempt to index" },
  { "local t = {} for _ = 1, 200 do t = { t } end return t",
    "Hit maximum copy depth" },
  { "error('zero\\0byte', 0)", "zero\0byte\nstack traceback:\n" },
}

-- Before 5.3 the number becomes another one instead.
if lua.version >= 5.3 then
  table.insert(FAILURES, { "return ('x'):rep(2 ^ 60)",
    "resulting string too large" })
end

local function is_report(failure, report)
  if failure.whole then return report == failure[2] end
  return report:find(failure[2], 1, true) ~= nil
end

local LOGGED = [[
  local logs = ...
  require("llthreads2").set_logger(function(text)
    logs:send(text)
    error("in the logger")
  end)
  %s]]

local function expect_failure(thread, flags, report)
  if flags[1] ~= "results" then return expect(thread, flags) end
  demand_same(pack(false, "Error from child thread: " .. report), "failure",
    join(thread))
end

function lives.failure(self)
  local failure, flags = FAILURES[random(#FAILURES)], FLAGS[random(#FLAGS)]
  -- Only a thread that is to give its results fails with these.
  if failure[2]:find("^Hit") then flags = FLAGS[1] end
  local logs = channel.new()
  local thread = llthreads.new(LOGGED:format(failure[1]), logs)
  begin(self, thread, flags)
  local ok, text = logs:receive()
  local report = ok and text:match("^Error from thread: (.*)$")
  demand(report and is_report(failure, report), "log", text)
  expect_failure(thread, flags, report)
  demand(logs:count() == 0, "logged twice")
  self:count("errors")
end

-- Finalisers that raise, and one that speaks, all at the end of the state.
-- Before 5.4 what they raise comes out wherever garbage is collected.
function lives.finalisers(self)
  local last, flags = channel.new(), FLAGS[random(ATTACHED)]
  local thread = llthreads.new(lua.TOOLS .. [[
    if _VERSION < "Lua 5.4" then collectgarbage("stop") end
    local last = ...
    finalised(function() error("in a finaliser") end)
    finalised(function() error({}) end)
    kept = finalised(function() last:send("closed") end)
    pcall(collectgarbage)
    for _ = 1, 100 do finalised(function() error() end) end]], last)
  begin(self, thread, flags)
  expect(thread, flags, pack())
  demand_same(pack(true, "closed"), "the last word", last:receive())
  demand(last:count() == 0, "finalised twice")
  self:count("errors", 102)
end

-- ---- threads that are interrupted ----

-- Each is ready when it says so, and would go on for ever.
local VICTIMS = {
  "ready:send() while true do os.time() end",
  "ready:send() while true do collectgarbage('step') end",
  "ready:send() never:receive()",
  "ready:send() for _ in never:messages() do end",
  "full:send('late')",
  "full:timed_send(1e7, 'late')",
  "ready:send() require('llthreads2.channel').select({ never, never })",
  "ready:send() never:receive(1e7)",
  "ready:send() string.gsub('x', 'x', function() never:receive() end)",
  [[local thread = require("llthreads2").new("(...):receive()", release)
  thread:start()
  ready:send()
  local ok, problem = pcall(thread.join, thread)
  if not ok then error(problem, 0) end
  while true do os.time() end]],
}

local VICTIM = [[
  local ready, never, full, release = ...
  require("llthreads2").set_logger(function() end)
  if %s then ready:send() end
  %s]]

-- A grandchild waits until `release` is closed.
local function victim(source)
  local ready, never, full = channel.new(), channel.new(), channel.new(1)
  local release = channel.new()
  full:send("first")
  local thread = llthreads.new(VICTIM:format(
    tostring(source:find("^full") ~= nil), source), ready, never, full, release)
  return thread, ready, full, release
end

function lives.interrupted(self)
  local thread, ready, full, release = victim(VICTIMS[random(#VICTIMS)])
  begin(self, thread, FLAGS[random(3)])
  assert(ready:receive())
  local always = random(2) == 1 or nil
  thread:interrupt(always)
  release:close()
  self:count("interrupts")
  local ok, problem = join(thread)
  demand(ok == false and problem:find(INTERRUPTED, 1, true), "interrupted", ok,
    problem)
  self:count("raised")
  demand_same(pack(true, "first"), "full", full:receive(0))
  demand_same(pack(nil, "timeout"), "full", full:receive(0))
  thread:interrupt(random(2) == 1)
end

-- Caught, and caught again; only a persistent one ends it.
function lives.stubborn(self)
  local ready, never = channel.new(), channel.new()
  local thread = llthreads.new([[
    local ready, never = ...
    require("llthreads2").set_logger(function() end)
    ready:send()
    pcall(never.receive, never)
    pcall(function() never:receive() end)
    while true do pcall(never.receive, never) end]], ready, never)
  begin(self, thread, FLAGS[1])
  assert(ready:receive())
  for _ = 1, random(3) do
    thread:interrupt()
    self:count("interrupts")
  end
  thread:interrupt(true)
  local ok, problem = join(thread)
  demand(ok == false and problem:find(INTERRUPTED, 1, true), "stubborn", ok,
    problem)
  self:count("interrupts")
  self:count("raised")
end

-- Taken back before the start: nothing has happened.
function lives.taken_back(self)
  local thread = llthreads.new("for _ = 1, 1000 do os.time() end return 7")
  thread:interrupt(random(2) == 1 or nil)
  thread:interrupt(false)
  begin(self, thread, FLAGS[1])
  expect(thread, FLAGS[1], pack(7))
  thread:interrupt()
  self:count("interrupts")
end

-- At any moment of its life: it ends well, or by the interrupt.
function lives.disturbed(self)
  local ready = channel.new()
  local thread = llthreads.new([[
    require("llthreads2").set_logger(function() end);
    (...):send()
    local ch = require("llthreads2.channel").new(2)
    for i = 1, 300 do
      ch:send(i)
      if select(2, ch:receive()) ~= i then error("another message") end
    end
    return 7]], ready)
  begin(self, thread, FLAGS[1])
  assert(ready:receive())
  channel.new():receive(random())
  thread:interrupt()
  self:count("interrupts")
  local ok, result = join(thread)
  demand(ok and result == 7 or tostring(result):find(INTERRUPTED, 1, true),
    "disturbed", ok, result)
end

-- ---- channels ----

local function a_function() end

-- What is refused is not queued, and no thread comes of it.
function lives.refused(self)
  local ch = channel.new(random(3))
  for _, value in ipairs { a_function, { { x = a_function } },
    coroutine.create(a_function), io.stdout } do
    demand(not pcall(ch.send, ch, 1, value), "sent what cannot be sent")
    demand(not pcall(ch.try_send, ch, value), "sent what cannot be sent")
    demand(not pcall(llthreads.new, "", ch, value), "passed what cannot be")
  end
  demand(ch:count() == 0, "refused, and queued", ch:count())
  self:count("errors", 12)
end

function lives.name()
  local name = "name " .. tostring({})
  local ch = channel.new { name = name, capacity = random(4) }
  demand(channel.get(name) == ch, "get gives another channel")
  demand(not pcall(channel.new, { name = name }), "a name given twice")
  ch:send(ch, name)
  local ok, same, text = ch:receive(0)
  demand(ok and same == ch and text == name and same:name() == name, "name")
end

-- Threads that wait are woken by clear and by close.
function lives.woken(self)
  local ch, threads = channel.new(1), {}
  ch:send("first")
  for i = 1, random(3) do
    threads[i] = llthreads.new([[return (...):send("late")]], ch)
    begin(self, threads[i], FLAGS[1])
  end
  local left = 1 + #threads
  for _ = 1, #threads do
    repeat left = left - ch:clear() until left <= #threads
    if random(3) == 1 then break end
  end
  ch:close()
  local sent = 1
  for _, thread in ipairs(threads) do
    local results = pack(join(thread))
    if results[2] then
      sent = sent + 1
    else
      demand_same(pack(true, nil, "closed"), "woken",
        unpack(results, 1, results.n))
    end
  end
  local cleared = 1 + #threads - left
  demand(sent == cleared + ch:clear(), "woken: lost or doubled")
end

-- A channel that refers to itself, broken open again.
function lives.cycle()
  local ch, other = channel.new(), channel.new()
  ch:send(ch, { other })
  other:send(ch, other)
  other:close()
  demand(ch:clear() == 1 and other:clear() == 1, "cycle")
end

local function start_waiting(self, ch, last)
  local wait = random(2) == 1 and "ch:receive()" or "ch:send('late')"
  begin(self, llthreads.new(([[
    local ch, last = ...
    last:send(%s)]]):format(wait), ch, last), FLAGS[random(ATTACHED)])
end

-- A thread that is dropped waits for what only its parent could do. The parent
-- is in the collector, waiting for it.
function lives.in_vain(self)
  local ch, last = channel.new(1), channel.new()
  if random(2) == 1 then ch:send("first") end
  start_waiting(self, ch, last)
  repeat collectgarbage() until last:count() > 0
  local ok, first, second = last:receive()
  demand(ok and (first == true or second == "closed"), "in vain", first, second)
end

-- ---- threads that report ----

-- Numbers of senders are paths: each has up to 15 children.
local function child_job(self, role)
  local number = (self.children or 0) + 1
  local sender = self.sender * 16 + number
  if number > 15 or sender >= 2 ^ 24 then return nil end
  self.children = number
  local job = self.job
  return { role = role, sender = sender, seed = random(2147483646),
    profile = job.profile, attempts = random(50), depth = job.depth - 1,
    writes = job.writes, deeds = random(3) }
end

local PROGRAM = [[return require("tests.soak.worker").run(...)]]

local function reporting(self, role)
  local job = child_job(self, role)
  if not job then return end
  local flags = FLAGS[random(#FLAGS)]
  local thread = llthreads.new(PROGRAM, job, self.channels, self.report)
  table.insert(self.ledger.spawned, job.sender)
  begin(self, thread, flags)
  if random(3) > 1 then expect(thread, flags, pack("done", job.sender)) end
end

function lives.sender(self)
  reporting(self, "sender")
end

function lives.maker(self)
  if self.job.depth > 0 then reporting(self, "maker") end
end

-- ---- which of them ----

local names = {}
for name in pairs(lives) do names[#names + 1] = name end
table.sort(names)

local module = {}

-- Leads as many lives as the job says, drawn at random.
function module.live(self)
  for _ = 1, self.job.deeds do
    local name = names[random(#names)]
    local ok, problem = xpcall(function() lives[name](self) end,
      debug.traceback)
    if not ok then error(name .. ": " .. tostring(problem), 0) end
    self:count("lives")
    self:pause()
    if not self:may_go_on() then return end
  end
end

return module
