-- SPDX-License-Identifier: MIT
--
-- Fan-in: one thread waits for several others at once. Each of these sends its
-- readings through a channel of its own and closes it when it has no more.
--
-- Prints:
--   nothing has come within 20 milliseconds
--   humidity: 200 readings, the last is 40.0
--   pressure: 300 readings, the last is 1013.0
--   temperature: 100 readings, the last is 21.5

local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"

-- A sensor waits for the word to begin, sends its readings and says that these
-- were all.
local function sense(start, readings, count, value)
  assert(start:receive())
  for i = count - 1, 0, -1 do readings:send(value + i) end
  readings:close()
end

local start = channel.new()
local waiting, threads = {}, {} -- the channels that are still open

for name, case in pairs {
  humidity = { 200, 40.0 }, pressure = { 300, 1013.0 },
  temperature = { 100, 21.5 },
} do
  local readings = channel.new { name = name }
  waiting[#waiting + 1] = readings
  threads[#threads + 1] =
    assert(ex.new(sense, start, readings, case[1], case[2]):start())
end

-- A timeout is a result like others. Nobody has been told to begin so far.
local ready, reason = channel.select(waiting, 20)
assert(ready == nil and reason == "timeout")
print("nothing has come within 20 milliseconds")

for _ = 1, #waiting do start:send() end

-- One value from whichever channel has one; none is passed over for long, and
-- closed channels are taken off the list, until no channel is left.
local function forget(list, value)
  for i = #list, 1, -1 do
    if list[i] == value then table.remove(list, i) end
  end
end

local count, last, names = {}, {}, {}
while #waiting > 0 do
  local readings, ok, value = channel.select(waiting)
  local name = readings:name()
  if ok then
    count[name], last[name] = (count[name] or 0) + 1, value
  else
    names[#names + 1] = name
    forget(waiting, readings)
  end
end

for _, thread in ipairs(threads) do assert(thread:join()) end

table.sort(names)
for _, name in ipairs(names) do
  print(("%s: %d readings, the last is %.1f"):format(name, count[name],
    last[name]))
end
