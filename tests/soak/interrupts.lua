-- SPDX-License-Identifier: MIT
-- The lives of threads that are interrupted, wherever they are.

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local dice = require "tests.soak.dice"
local life = require "tests.soak.life"

local random, pack = dice.random, lua.pack
local begin, expect, join = life.begin, life.expect, life.join
local demand, demand_same = life.demand, life.demand_same
local FLAGS = life.FLAGS
local INTERRUPTED = llthreads.interrupted_error

local lives = {}

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

return lives
