-- SPDX-License-Identifier: MIT
-- The lives of threads: made with all flags, joined, dropped, failed, logged,
-- and themselves makers of threads; those of interrupts.lua are among them.
-- What each must come to is known.

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"
local dice = require "tests.soak.dice"
local interrupts = require "tests.soak.interrupts"
local life = require "tests.soak.life"
local payload = require "tests.soak.payload"

local random, pack, unpack = dice.random, lua.pack, lua.unpack
local begin, expect, join = life.begin, life.expect, life.join
local demand, demand_same = life.demand, life.demand_same
local FLAGS = life.FLAGS

local lives = {}

-- ---- threads that succeed ----

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
  local last, flags = channel.new(), FLAGS[random(life.ATTACHED)]
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
    last:send(%s)]]):format(wait), ch, last), FLAGS[random(life.ATTACHED)])
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

local function reporting(self, role)
  local job = child_job(self, role)
  if not job then return end
  local flags = FLAGS[random(#FLAGS)]
  -- Which requires this file.
  local program = require("tests.soak.worker").PROGRAM
  local thread = llthreads.new(program, job, self.channels, self.report)
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

for name, live in pairs(interrupts) do lives[name] = live end

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
