-- SPDX-License-Identifier: MIT
--
-- lanes: threads are lanes, and pass values by the slots of a linda. A message
-- of several values is sent to its slot at once, and received as a batch of
-- just as many.

local lua = require "support.lua"
local native = require "bench_native"
local runs = require "bench.support.runs"

local now = native.now

local adapter = { name = "lanes" }

-- As much of Lua as the threads of the other libraries have.
local LIBRARIES = "base,coroutine,debug,io,math,os,package,string,table"
if rawget(_G, "utf8") then LIBRARIES = LIBRARIES .. ",utf8" end

local lanes
local do_nothing, give_back -- start a lane

function adapter.load()
  local ok, module = pcall(require, "lanes")
  if not ok then return nil, "not found" end
  lanes = module.configure()
  do_nothing = lanes.gen(LIBRARIES, function() end)
  give_back = lanes.gen(LIBRARIES, function(value) return value end)
  return lanes.ABOUT.version
end

-- Waits for the lane's end and returns its result; an error in it is raised.
local function join(lane)
  return select(2, assert(lane:join()))
end

function adapter.thread()
  join(do_nothing())
end

function adapter.burst(count)
  local started = {}
  for i = 1, count do started[i] = do_nothing() end
  for i = 1, count do join(started[i]) end
end

function adapter.argument(value)
  join(do_nothing(value))
end

function adapter.round_trip(value)
  return join(give_back(value))
end

-- Lets so many lanes go once all are ready. Returns when.
local function let_go(control, count)
  assert(control:receive_batched(runs.PATIENCE, "ready", count))
  local start_time = now()
  for _ = 1, count do control:send("go", true) end
  return start_time
end

local function start(body, ...)
  return lanes.gen(LIBRARIES, body)(...)
end

local function sender(control, data, count, ...)
  control:send("ready", true)
  control:receive("go")
  for _ = 1, count do data:send("message", ...) end
end

-- Returns the time of its last message.
local function receiver(control, data, count, width)
  local clock = require "bench_native".now
  control:send("ready", true)
  control:receive("go")
  for _ = 1, count do data:receive_batched("message", width) end
  return clock()
end

function adapter.stream(options)
  local control, data, started = lanes.linda(), lanes.linda(), {}
  local width = #options.values
  if options.capacity then data:limit("message", options.capacity * width) end
  for i = 1, options.receivers do
    started[i] = start(receiver, control, data,
      runs.share(options.messages, options.receivers, i), width)
  end
  for i = 1, options.senders do
    started[#started + 1] = start(sender, control, data,
      runs.share(options.messages, options.senders, i),
      lua.unpack(options.values))
  end
  local start_time, last = let_go(control, #started), 0
  for _, lane in ipairs(started) do last = math.max(last, join(lane) or 0) end
  return last - start_time
end

-- The answer to each question is how long the answering side held it back.
local function answerer(control, questions, answers, rounds, pause)
  local timer = require "bench_native"
  control:send("ready", true)
  control:receive("go")
  for _ = 1, rounds do
    questions:receive("message")
    if pause then
      local came = timer.now()
      timer.sleep(pause)
      answers:send("message", timer.now() - came)
    else
      answers:send("message", 0)
    end
  end
end

local function ask(questions, answers)
  local start_time = now()
  questions:send("message", 1)
  local _, held = answers:receive("message")
  return now() - start_time - held
end

-- Each direction has a linda of its own: a change of any slot in a linda wakes
-- all who wait for it.
function adapter.ping_pong(options)
  local control = lanes.linda()
  local questions, answers = lanes.linda(), lanes.linda()
  local lane = start(answerer, control, questions, answers,
    options.rounds, options.pause)
  let_go(control, 1)
  local times = runs.rounds(options, ask, questions, answers)
  join(lane)
  return times
end

-- Sends so many messages to the slots in turn.
local function feeder(control, data, slots, count)
  control:send("ready", true)
  control:receive("go")
  for i = 0, count - 1 do data:send(nil, i % slots + 1, i) end
end

local function receive_all(data, count, ...)
  for _ = 1, count do data:receive(nil, ...) end
end

function adapter.fan_in(options)
  local control, data, slots = lanes.linda(), lanes.linda(), {}
  for i = 1, options.channels do slots[i] = i end
  local lane = start(feeder, control, data, options.channels,
    options.messages)
  local start_time = let_go(control, 1)
  receive_all(data, options.messages, lua.unpack(slots))
  local time = now() - start_time
  join(lane)
  return time
end

return adapter
