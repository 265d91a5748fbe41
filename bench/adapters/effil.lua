-- SPDX-License-Identifier: MIT
--
-- effil: threads, channels and shared tables. A table that goes into a thread
-- or a channel becomes a shared table; `effil.dump` makes a plain one of it.
--
-- effil itself knows Lua up to 5.3. Where it cannot be loaded here, it is used
-- in another process, by another interpreter: see support/elsewhere.lua.

local lua = require "support.lua"
local native = require "bench_native"
local runs = require "bench.support.runs"

local now, sleep = native.now, native.sleep

local adapter = { name = "effil" }

local effil
local do_nothing, give_back -- start a thread

-- A thread is not interrupted by a hook, which effil sets otherwise.
local function runner(body)
  local new = effil.thread(body)
  new.step = 0
  return new
end

local function load_here(module)
  effil = module
  do_nothing = runner(function() end)
  give_back = runner(function(value) return value end)
  return effil.version .. " by its own word, " .. _VERSION
end

function adapter.load()
  local ok, module = pcall(require, "effil")
  if ok then return load_here(module) end
  if _VERSION ~= "Lua 5.4" then return nil, "not found" end
  return require "bench.support.elsewhere".take_place(adapter, "lua5.3")
end

-- Waits for the thread's end and returns its result; an error in it is raised.
local function join(thread)
  local status, problem = thread:wait()
  if status ~= "completed" then error(problem or status, 0) end
  return (thread:get())
end

function adapter.thread()
  join(do_nothing())
end

function adapter.burst(count)
  local threads = {}
  for i = 1, count do threads[i] = do_nothing() end
  for i = 1, count do join(threads[i]) end
end

function adapter.argument(value)
  join(do_nothing(value))
end

function adapter.round_trip(value)
  local result = join(give_back(value))
  return type(value) == "table" and effil.dump(result) or result
end

-- Lets so many threads go once all are ready. Returns when.
local function let_go(ready, go, count)
  for _ = 1, count do
    assert(ready:pop(runs.PATIENCE, "s"), "a thread did not get ready")
  end
  local start_time = now()
  for _ = 1, count do go:push(true) end
  return start_time
end

-- Its tables have become shared ones when the thread was started. They are made
-- plain again, or no message would have anything to copy.
local function sender(ready, go, data, count, ...)
  local shared = require "effil"
  local values = { ... }
  for i, value in ipairs(values) do
    if shared.type(value) == "effil.table" then
      values[i] = shared.dump(value)
    end
  end
  local function send_all(...)
    for _ = 1, count do data:push(...) end
  end
  ready:push(true)
  go:pop()
  send_all((table.unpack or unpack)(values))
end

-- Returns the time of its last message, by the clock that it is given. Tables
-- arrive as shared ones and stay so: one can read them as they are.
local function receiver(ready, go, data, count, clock)
  ready:push(true)
  go:pop()
  for _ = 1, count do data:pop() end
  return clock()
end

function adapter.stream(options)
  -- A channel that is full refuses a message instead of waiting.
  if options.capacity then error("its senders do not wait for room", 0) end
  local ready, go, data = effil.channel(), effil.channel(), effil.channel()
  local threads, senders, receivers = {}, options.senders, options.receivers
  for i = 1, receivers do
    threads[i] = runner(receiver)(ready, go, data,
      runs.share(options.messages, receivers, i), now)
  end
  for i = 1, senders do
    threads[#threads + 1] = runner(sender)(ready, go, data,
      runs.share(options.messages, senders, i), lua.unpack(options.values))
  end
  local start_time, last = let_go(ready, go, #threads), 0
  for _, thread in ipairs(threads) do
    last = math.max(last, join(thread) or 0)
  end
  return last - start_time
end

-- The answer to each question is how long the answering side held it back.
local function answerer(ready, go, questions, answers, rounds, pause, clock,
    rest)
  ready:push(true)
  go:pop()
  for _ = 1, rounds do
    questions:pop()
    if pause then
      local came = clock()
      rest(pause)
      answers:push(clock() - came)
    else
      answers:push(0)
    end
  end
end

local function ask(questions, answers)
  local start_time = now()
  questions:push(1)
  local held = answers:pop()
  return now() - start_time - held
end

function adapter.ping_pong(options)
  local ready, go = effil.channel(), effil.channel()
  local questions, answers = effil.channel(), effil.channel()
  local thread = runner(answerer)(ready, go, questions, answers,
    options.rounds, options.pause, now, sleep)
  let_go(ready, go, 1)
  local times = runs.rounds(options, ask, questions, answers)
  join(thread)
  return times
end

-- There is no fan_in: one cannot wait for several channels.

return adapter
