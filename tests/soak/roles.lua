-- SPDX-License-Identifier: MIT
-- What a worker can be: a sender, one of several kinds of receivers, one that
-- does everything, or a maker of threads. `self` is the Worker of worker.lua.

local channel = require "llthreads2.channel"
local dice = require "tests.soak.dice"
local native = require "soak_native"
local socket = require "socket"

local random = dice.random

local roles = {}

-- Sends to its channels, and now and then looks at one.
function roles.sender(self)
  local places = self.job.writes
  for _ = 1, self.job.attempts do
    self:attempt(places[random(#places)])
    if random(64) == 1 then self:look(places[random(#places)]) end
    self:pause()
    if not self:may_go_on() then break end
  end
end

local function some_timeout()
  local way = random(8)
  if way <= 4 then return nil end
  return way <= 6 and random() * 2 or way == 7 and 0 or math.huge
end

function roles.receiver(self)
  local place = self.job.reads[1]
  local ch = self.channels[place]
  local outcome
  repeat
    outcome = self:took(place, self.guarded(ch.receive, ch, some_timeout()))
    if random(64) == 1 then self:look(place) end
    self:pause()
  until outcome == "closed"
end

local function as_received(number, ...)
  if number == nil then return nil, "closed" end
  return true, number, ...
end

-- Calls the iterator of messages() as a loop would, which keeps all values.
function roles.loop(self)
  local place = self.job.reads[1]
  local next_message = self.channels[place]:messages()
  local function step() return as_received(next_message()) end
  local outcome
  repeat
    outcome = self:took(place, self.guarded(step))
    self:pause()
  until outcome == "closed"
end

-- The channels to read, and the places by channel.
local function readable(self)
  local list, places = {}, {}
  for i, place in ipairs(self.job.reads) do
    list[i] = self.channels[place]
    places[list[i]] = place
  end
  return list, places
end

local function drop(list, ch)
  for i, other in ipairs(list) do
    if rawequal(other, ch) then return table.remove(list, i) end
  end
  error("a channel that is not in the list", 0)
end

-- Enters what a select has returned; the channel is closed if it says so.
local function selected(self, places, unharmed, ch, ...)
  self:count("selects")
  if not unharmed then return self:interrupted(ch) end
  if ch == nil then return (...) end
  local place = places[ch]
  if not place then error("select gives another channel", 0) end
  return self:took(place, true, ...), ch
end

function roles.select(self)
  local list, places = readable(self)
  while #list > 0 do
    local outcome, ch = selected(self, places,
      self.guarded(channel.select, list, some_timeout()))
    if outcome == "closed" then drop(list, ch) end
    self:pause()
  end
end

-- While others change a channel its descriptor may be late, but not for long.
local LATE = 30

-- Receives from a channel that poll calls readable. It may be empty for a
-- moment, if a sender has been stopped just when it was to say so.
local function polled(self, place, ch)
  local outcome = self:took(place, self.guarded(ch.receive, ch, 0))
  if outcome ~= "timeout" then
    self.vain = nil
    return outcome
  end
  self:count("vain polls")
  -- Lets the sender run, instead of asking again and again.
  self:took(0, self.guarded(self.idle.receive, self.idle, 0.05))
  self.vain = self.vain or native.now()
  if self.job.sole and native.now() - self.vain > LATE then
    error(("channel %d stays readable, and is empty"):format(place), 0)
  end
  return outcome
end

function roles.poll(self)
  local list, places = readable(self)
  while #list > 0 do
    self:count("polls")
    local ready = socket.select(list, nil, random(4) == 1 and 0 or 0.05)
    for _, ch in ipairs(ready) do
      if polled(self, places[ch], ch) == "closed" then drop(list, ch) end
    end
    self:pause()
  end
end

-- ---- everything ----

-- Some of the channels, one perhaps twice.
local function some_channels(self)
  local list, places = {}, {}
  for i = 1, random(4) do
    local place = random(#self.channels)
    list[i] = self.channels[place]
    places[list[i]] = place
  end
  return list, places
end

local deeds = {}

function deeds.send(self, place) self:attempt(place) end

function deeds.receive(self, place)
  local ch = self.channels[place]
  self:took(place, self.guarded(ch.receive, ch, random(0, 1) * random() * 2))
end

function deeds.select(self)
  local list, places = some_channels(self)
  local timeout = random(0, 1) * random() * 2
  selected(self, places, self.guarded(channel.select, list, timeout))
end

function deeds.look(self, place) self:look(place) end

function deeds.clear(self, place)
  if self.job.clears then self:clear(place) end
end

function deeds.close(self, place)
  local chances = math.floor(self.job.attempts / 50) + 1
  if self.job.closes and random(chances) == 1 then
    self.channels[place]:close()
    self:count("closes")
  end
end

function deeds.ask(self, place)
  local ch = self.channels[place]
  assert(#ch >= 0 and ch == self.channels[place])
  assert(tostring(ch):find("^channel"))
  if self.job.fds then assert(ch:fd() == ch:getfd()) end
end

local SHARES = { send = 40, receive = 20, select = 20, look = 4, clear = 1,
  close = 1, ask = 1 }

local drawn = {}
for _, name in ipairs { "send", "receive", "select", "look", "clear", "close",
  "ask" } do
  for _ = 1, SHARES[name] do drawn[#drawn + 1] = deeds[name] end
end

function roles.everything(self)
  for _ = 1, self.job.attempts do
    drawn[random(#drawn)](self, random(#self.channels))
    self:pause()
    if not self:may_go_on() then break end
  end
end

function roles.maker(self)
  require("tests.soak.lives").live(self)
end

return roles
