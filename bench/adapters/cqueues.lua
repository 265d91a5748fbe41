-- SPDX-License-Identifier: MIT
--
-- cqueues: a thread is started with one end of a pair of sockets, the caller
-- has the other. Threads get plain values, and everything else goes as bytes
-- through sockets; a socket itself can be sent, too.
--
-- A message is packed by string.pack, after its length in four bytes.

local lua = require "support.lua"
local native = require "bench_native"
local packing = require "bench.support.packing"
local runs = require "bench.support.runs"

local now, sleep = native.now, native.sleep

local adapter = { name = "cqueues" }

local NAME = ... or "bench.adapters.cqueues"

-- How much a sender's socket gathers before it writes.
local GATHERED = 65536

local cqueues, errno, socket, thread

-- What the threads run, by name. Their first argument is the socket by which
-- they are let go and tell their result.
local parts = {}

local pack, unpack = packing.pack, packing.unpack

function adapter.load()
  local ok, module = pcall(require, "cqueues")
  if not ok then return nil, "not found" end
  cqueues = module
  errno, socket = require "cqueues.errno", require "cqueues.socket"
  thread = require "cqueues.thread"
  return tostring(cqueues.VERSION)
end

-- An error in the thread is raised. A thread that ends just while `join` looks
-- is taken for one that has died, until one asks again.
local function join(started)
  local ok, problem = started:join()
  if not ok and problem == errno.EOWNERDEAD then
    ok, problem = started:join()
  end
  if not ok or problem then error(problem or "join has failed", 0) end
end

-- Returns the thread and the caller's socket.
local function start_thread(...)
  local started, link, problem = thread.start(...)
  if not started then error(errno.strerror(problem), 0) end
  return started, link
end

-- Returns a thread that one does not speak with.
local function start_silent(...)
  local started, link = start_thread(...)
  link:close()
  return started
end

local function nothing() end

function adapter.thread()
  join(start_silent(nothing))
end

function adapter.burst(count)
  local threads = {}
  for i = 1, count do threads[i] = start_silent(nothing) end
  for i = 1, count do join(threads[i]) end
end

-- cqueues would make nil of a table.
local function refuse_tables(value)
  if type(value) == "table" then error("its threads get no tables", 0) end
end

function adapter.argument(value)
  refuse_tables(value)
  join(start_silent(nothing, value))
end

-- Strings alone can come back.
function adapter.round_trip(value)
  if type(value) ~= "string" then
    error("its threads give back nothing but strings", 0)
  end
  local started, link = start_thread(function(answer, text)
    answer:xwrite(text, "bn")
  end, value)
  local result = link:xread("*a", "b")
  join(started)
  link:close()
  return result
end

-- Threads of a run ------------------------------------------------------------

-- Called in a new thread.
function adapter.run_part(link, name, ...)
  assert(adapter.load())
  link:setmode("bn", "bn")
  parts[name](link, ...)
end

local function enter(link, adapter_name, path, cpath, ...)
  package.path, package.cpath = path, cpath
  require(adapter_name).run_part(link, ...)
end

-- Returns the thread with the socket by which one speaks with it.
local function start(...)
  local started, link = start_thread(enter, NAME, package.path,
    package.cpath, ...)
  link:setmode("bn", "bn")
  return { handle = started, link = link }
end

local function join_all(threads)
  for _, started in ipairs(threads) do
    join(started.handle)
    started.link:close()
  end
end

local function read_link(started, bytes)
  local data = started.link:read(bytes)
  if not data or #data < bytes then
    join(started.handle) -- which raises the reason
    error("a thread has ended too soon", 0)
  end
  return data
end

-- Lets the threads go once all are ready. Returns when.
local function let_go(threads)
  for _, started in ipairs(threads) do read_link(started, 1) end
  local start_time = now()
  for _, started in ipairs(threads) do assert(started.link:write("g")) end
  return start_time
end

local function wait_at(link)
  assert(link:write("r"))
  assert(link:read(1))
end

-- Gives the thread a socket of its own.
local function hand_over(started, its_socket)
  assert(started.link:sendfd("s", its_socket))
  its_socket:close()
end

local function take_over(link, count)
  local sockets = {}
  for i = 1, count do
    sockets[i] = select(2, link:recvfd())
    assert(sockets[i], "no socket has come")
  end
  return sockets
end

-- Messages --------------------------------------------------------------------

local function send(out, format, ...)
  assert(out:write(pack("<s4", pack(format, ...))))
end

-- Reads whatever has come: two calls of `read` for each message, one for its
-- length and one for the rest, take longer.
local function receive(inward, format, count)
  local received, needed, chunks, size = 0, 4, {}, 0
  local function taken() received = received + 1 end
  while received < count do
    chunks[#chunks + 1] = assert(inward:read(-GATHERED))
    size = size + #chunks[#chunks]
    if size >= needed then
      local rest
      rest, needed = packing.take(table.concat(chunks), format, taken)
      chunks, size = { rest }, #rest
    end
  end
end

-- Streams ---------------------------------------------------------------------

local function send_all(sockets, count, format, ...)
  for i = 0, count - 1 do send(sockets[i % #sockets + 1], format, ...) end
  for _, out in ipairs(sockets) do assert(out:flush()) end
end

-- Sends to the receivers in turn.
function parts.sender(link, receivers, count, format, values)
  local sockets = take_over(link, receivers)
  for _, out in ipairs(sockets) do
    out:setmode("bf", "bf")
    out:setbufsiz(GATHERED, GATHERED)
  end
  wait_at(link)
  send_all(sockets, count, format, unpack(format, values))
end

-- A loop in which each socket has a coroutine that receives its share.
local function receive_all(sockets, counts, format)
  local loop = cqueues.new()
  for i, inward in ipairs(sockets) do
    inward:setmode("bf", "bf")
    inward:setbufsiz(GATHERED, GATHERED)
    loop:wrap(function() receive(inward, format, counts[i]) end)
  end
  return loop
end

-- Tells the time of its last message. Its other arguments are how many come
-- from each sender.
function parts.receiver(link, format, ...)
  local counts = { ... }
  local sockets = take_over(link, #counts)
  local loop = receive_all(sockets, counts, format)
  wait_at(link)
  assert(loop:loop())
  link:write(pack("<i8", now()))
end

local function start_receivers(options, format)
  local threads = {}
  for k = 1, options.receivers do
    local counts = {}
    for i = 1, options.senders do
      local sent = runs.share(options.messages, options.senders, i)
      counts[i] = runs.share(sent, options.receivers, k)
    end
    threads[k] = start("receiver", format, lua.unpack(counts))
  end
  return threads
end

local function start_senders(options, format)
  local threads, values = {}, packing.packed(format, options.values)
  for i = 1, options.senders do
    threads[i] = start("sender", options.receivers,
      runs.share(options.messages, options.senders, i), format, values)
  end
  return threads
end

-- A pair of sockets for each sender and receiver.
local function connect(senders, receivers)
  for _, from in ipairs(senders) do
    for _, to in ipairs(receivers) do
      local outward, inward = socket.pair()
      hand_over(from, outward)
      hand_over(to, inward)
    end
  end
end

function adapter.stream(options)
  -- How much a pair of sockets holds is up to the system.
  if options.capacity then error("its sockets have no capacity", 0) end
  packing.check()
  local format = packing.format_of(options.values)
  if not format then error("its sockets carry plain values alone", 0) end
  local receivers = start_receivers(options, format)
  local senders = start_senders(options, format)
  connect(senders, receivers)
  local threads = lua.append(lua.append({}, receivers), senders)
  local start_time, last = let_go(threads), 0
  for _, receiver in ipairs(receivers) do
    last = math.max(last, (unpack("<i8", read_link(receiver, 8))))
  end
  join_all(threads)
  return last - start_time
end

-- There and back --------------------------------------------------------------

-- The answer to each question is how long the answering side held it back.
function parts.answerer(link, rounds, pause)
  wait_at(link)
  for _ = 1, rounds do
    assert(link:read(8))
    local held = 0
    if pause then
      local came = now()
      sleep(pause)
      held = now() - came
    end
    assert(link:write(pack("<i8", held)))
  end
end

local function ask(link)
  local start_time = now()
  assert(link:write(pack("<i8", 1)))
  local held = unpack("<i8", (assert(link:read(8))))
  return now() - start_time - held
end

function adapter.ping_pong(options)
  packing.check()
  local answerer = start("answerer", options.rounds, options.pause)
  let_go { answerer }
  local times = runs.rounds(options, ask, answerer.link)
  join_all { answerer }
  return times
end

-- From many sockets -----------------------------------------------------------

-- Sends so many messages through the sockets in turn, each at once.
function parts.feeder(link, channels, count)
  local sockets = take_over(link, channels)
  for _, out in ipairs(sockets) do out:setmode("bn", "bn") end
  wait_at(link)
  for i = 0, count - 1 do send(sockets[i % channels + 1], "<i8", i) end
end

function adapter.fan_in(options)
  packing.check()
  local channels, messages = options.channels, options.messages
  local feeder = start("feeder", channels, messages)
  local sockets, counts = {}, {}
  for i = 1, channels do
    local outward
    outward, sockets[i] = socket.pair()
    hand_over(feeder, outward)
    counts[i] = runs.share(messages, channels, i)
  end
  local loop = receive_all(sockets, counts, "<i8")
  local start_time = let_go { feeder }
  assert(loop:loop())
  local time = now() - start_time
  for _, inward in ipairs(sockets) do inward:close() end
  join_all { feeder }
  return time
end

return adapter
