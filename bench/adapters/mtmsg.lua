-- SPDX-License-Identifier: MIT
--
-- mtmsg: message buffers, and listeners for several of them. It has no threads
-- of its own, so those of `require "llthreads2"` use it here, as in its manual.
-- Its messages hold plain values, no tables.

local lua = require "support.lua"
local native = require "bench_native"
local runs = require "bench.support.runs"

local now, sleep = native.now, native.sleep

local adapter = { name = "mtmsg" }

local NAME = ... or "bench.adapters.mtmsg"
local mtmsg, llthreads

-- What the threads run, by name.
local parts = {}

function adapter.load()
  local ok, module = pcall(require, "mtmsg")
  if not ok then return nil, "not found" end
  ok, llthreads = pcall(require, "llthreads2")
  if not ok then return nil, "its threads, llthreads2, are not found" end
  mtmsg = module
  return mtmsg._VERSION
end

-- Called in a new thread.
function adapter.run_part(name, ...)
  assert(adapter.load())
  return parts[name](...)
end

local THREAD = [[
local adapter, path, cpath = ...
package.path, package.cpath = path, cpath
return require(adapter).run_part(select(4, ...))]]

local function start(...)
  return assert(llthreads.new(THREAD, NAME, package.path, package.cpath, ...)
    :start())
end

-- The buffers by which the threads of a run tell that they are ready, and are
-- let go. The threads know them by their numbers.
local function new_barrier()
  return { ready = mtmsg.newbuffer(), go = mtmsg.newbuffer() }
end

local function wait_at(ready, go)
  local go_buffer = mtmsg.buffer(go)
  mtmsg.buffer(ready):addmsg(true)
  go_buffer:nextmsg()
end

-- Lets so many threads go once all are ready. Returns when.
local function let_go(barrier, count)
  for _ = 1, count do
    assert(barrier.ready:nextmsg(runs.PATIENCE), "a thread did not get ready")
  end
  local start_time = now()
  for _ = 1, count do barrier.go:addmsg(true) end
  return start_time
end

local function join_all(threads)
  local last = 0
  for _, thread in ipairs(threads) do
    local _, time = assert(thread:join())
    last = math.max(last, time or 0)
  end
  return last
end

function parts.sender(ready, go, data, count, ...)
  local buffer = mtmsg.buffer(data)
  wait_at(ready, go)
  for _ = 1, count do buffer:addmsg(...) end
end

-- Returns the time of its last message.
function parts.receiver(ready, go, data, count)
  local buffer = mtmsg.buffer(data)
  wait_at(ready, go)
  for _ = 1, count do buffer:nextmsg() end
  return now()
end

function adapter.stream(options)
  -- A buffer of a fixed size is one of bytes, and does not wait for room.
  if options.capacity then error("its senders do not wait for room", 0) end
  for _, value in ipairs(options.values) do
    if type(value) == "table" then error("its messages hold no tables", 0) end
  end
  local barrier, data, threads = new_barrier(), mtmsg.newbuffer(), {}
  local function add(name, index, count, ...)
    threads[#threads + 1] = start(name, barrier.ready:id(), barrier.go:id(),
      data:id(), runs.share(options.messages, count, index), ...)
  end
  for i = 1, options.receivers do add("receiver", i, options.receivers) end
  for i = 1, options.senders do
    add("sender", i, options.senders, lua.unpack(options.values))
  end
  local start_time = let_go(barrier, #threads)
  return join_all(threads) - start_time
end

-- The answer to each question is how long the answering side held it back.
function parts.answerer(ready, go, questions, answers, rounds, pause)
  local asked, answered = mtmsg.buffer(questions), mtmsg.buffer(answers)
  wait_at(ready, go)
  for _ = 1, rounds do
    asked:nextmsg()
    if pause then
      local came = now()
      sleep(pause)
      answered:addmsg(now() - came)
    else
      answered:addmsg(0)
    end
  end
end

local function ask(questions, answers)
  local start_time = now()
  questions:addmsg(1)
  local held = answers:nextmsg()
  return now() - start_time - held
end

function adapter.ping_pong(options)
  local barrier = new_barrier()
  local questions, answers = mtmsg.newbuffer(), mtmsg.newbuffer()
  local thread = start("answerer", barrier.ready:id(), barrier.go:id(),
    questions:id(), answers:id(), options.rounds, options.pause)
  let_go(barrier, 1)
  local times = runs.rounds(options, ask, questions, answers)
  join_all { thread }
  return times
end

-- Sends so many messages to the buffers in turn.
function parts.feeder(ready, go, count, ...)
  local buffers = { ... }
  for i, id in ipairs(buffers) do buffers[i] = mtmsg.buffer(id) end
  wait_at(ready, go)
  for i = 0, count - 1 do buffers[i % #buffers + 1]:addmsg(i) end
end

function adapter.fan_in(options)
  local barrier, listener = new_barrier(), mtmsg.newlistener()
  local buffers, ids = {}, {}
  for i = 1, options.channels do
    buffers[i] = listener:newbuffer()
    ids[i] = buffers[i]:id()
  end
  local thread = start("feeder", barrier.ready:id(), barrier.go:id(),
    options.messages, lua.unpack(ids))
  local start_time = let_go(barrier, 1)
  for _ = 1, options.messages do listener:nextmsg() end
  local time = now() - start_time
  join_all { thread }
  return time
end

return adapter
