-- SPDX-License-Identifier: MIT
--
-- luv: threads that get plain values and return nothing, each with an event
-- loop of its own.
--
-- Values go from thread to thread as bytes through pairs of sockets, written
-- and read by the loops. A handle of `new_async` would carry values as they
-- are, but several sends may arrive as one, so messages would be lost; and a
-- thread that is running cannot be given one.
--
-- A message is packed by string.pack, after its length in four bytes. There is
-- no round_trip, for a thread has no result.

local lua = require "support.lua"
local native = require "bench_native"
local packing = require "bench.support.packing"
local runs = require "bench.support.runs"

local now, sleep = native.now, native.sleep

local adapter = { name = "luv" }

local NAME = ... or "bench.adapters.luv"

-- A sender gathers so many bytes for one write, as cqueues does by itself.
local GATHERED = 65536

local luv

-- What the threads run, by name. Their first argument is the descriptor by
-- which they are let go and tell their result.
local parts = {}

local pack, unpack = packing.pack, packing.unpack

function adapter.load()
  local ok, module = pcall(require, "luv")
  if not ok then return nil, "not found" end
  luv = module
  return luv.version_string()
end

local NOTHING = string.dump(function() end, true)

function adapter.thread()
  assert(luv.new_thread(NOTHING)):join()
end

function adapter.burst(count)
  local threads = {}
  for i = 1, count do threads[i] = assert(luv.new_thread(NOTHING)) end
  for i = 1, count do threads[i]:join() end
end

function adapter.argument(value)
  if type(value) == "table" then error("its threads get no tables", 0) end
  assert(luv.new_thread(NOTHING, value)):join()
end

-- Threads of a run ------------------------------------------------------------

-- Called in a new thread. Numbers arrive as floats.
function adapter.run_part(name, control, ...)
  assert(adapter.load())
  control = lua.integer(control)
  local arguments = lua.pack(...)
  local ok, problem = xpcall(function()
    parts[name](control, lua.unpack(arguments, 1, arguments.n))
  end, debug.traceback)
  luv.fs_close(control)
  if not ok then error(problem, 0) end
end

local THREAD = string.dump(function(adapter_name, path, cpath, ...)
  package.path, package.cpath = path, cpath
  return require(adapter_name).run_part(...)
end, true)

local function new_pair(flags)
  return assert(luv.socketpair("stream", nil, flags, flags))
end

-- Returns the thread, and the descriptor by which one speaks with it.
local function start(name, ...)
  local pair = new_pair({})
  local thread = assert(luv.new_thread(THREAD, NAME, package.path,
    package.cpath, name, pair[1], ...))
  return { handle = thread, control = pair[2] }
end

local function read_control(thread, bytes)
  local data = assert(luv.fs_read(thread.control, bytes))
  assert(#data == bytes, "a thread of luv has failed")
  return data
end

-- Lets the threads go once all are ready. Returns when.
local function let_go(threads)
  for _, thread in ipairs(threads) do read_control(thread, 1) end
  local start_time = now()
  for _, thread in ipairs(threads) do
    assert(luv.fs_write(thread.control, "g"))
  end
  return start_time
end

local function wait_at(control)
  assert(luv.fs_write(control, "r"))
  assert(luv.fs_read(control, 1))
end

local function join_all(threads)
  for _, thread in ipairs(threads) do
    assert(thread.handle:join())
    luv.fs_close(thread.control)
  end
end

-- Messages --------------------------------------------------------------------

local function open(descriptor)
  local pipe = luv.new_pipe(false)
  assert(pipe:open(descriptor))
  return pipe
end

-- Opens the descriptors of a list like "4 7".
local function open_all(list)
  local pipes = {}
  for descriptor in list:gmatch("%d+") do
    pipes[#pipes + 1] = open(tonumber(descriptor))
  end
  return pipes
end

-- Calls `each` with the values of each message that comes through the pipe.
local function read_messages(pipe, format, each)
  local chunks, size, needed = {}, 0, 4
  assert(pipe:read_start(function(problem, data)
    assert(not problem, problem)
    if not data then return pipe:close() end
    chunks[#chunks + 1], size = data, size + #data
    if size < needed then return end
    local rest
    rest, needed = packing.take(table.concat(chunks), format, each)
    chunks, size = { rest }, #rest
  end))
end

local function close_all(pipes)
  for _, pipe in ipairs(pipes) do
    if not pipe:is_closing() then pipe:close() end
  end
  luv.run()
end

-- Streams ---------------------------------------------------------------------

-- Comes back when all is written, so that no more than that waits in memory.
local function write(pipe, messages)
  assert(pipe:write(messages))
  luv.run()
end

local function send_all(pipes, count, format, ...)
  local gathered, bytes = {}, {}
  for i = 1, #pipes do gathered[i], bytes[i] = {}, 0 end
  for i = 0, count - 1 do
    local index = i % #pipes + 1
    local messages = gathered[index]
    local message = pack("<s4", pack(format, ...))
    messages[#messages + 1] = message
    bytes[index] = bytes[index] + #message
    if bytes[index] >= GATHERED then
      write(pipes[index], messages)
      gathered[index], bytes[index] = {}, 0
    end
  end
  for i, messages in ipairs(gathered) do
    if #messages > 0 then write(pipes[i], messages) end
  end
end

-- Sends to the receivers in turn.
function parts.sender(control, list, count, format, values)
  local pipes = open_all(list)
  wait_at(control)
  send_all(pipes, lua.integer(count), format, unpack(format, values))
  close_all(pipes)
end

-- Tells the time of its last message.
function parts.receiver(control, list, count, format)
  local pipes, received = open_all(list), 0
  for _, pipe in ipairs(pipes) do
    read_messages(pipe, format, function()
      received = received + 1
      if received == count then luv.stop() end
    end)
  end
  wait_at(control)
  if count > 0 then luv.run() end
  assert(luv.fs_write(control, pack("i8", now())))
  close_all(pipes)
end

-- The ends of a pair of sockets for each sender and receiver.
local function connect(senders, receivers)
  local outward, inward = {}, {}
  for i = 1, senders do outward[i] = {} end
  for i = 1, receivers do inward[i] = {} end
  for i = 1, senders do
    for k = 1, receivers do
      local pair = new_pair({ nonblock = true })
      outward[i][k], inward[k][i] = pair[1], pair[2]
    end
  end
  return outward, inward
end

function adapter.stream(options)
  -- How much a pair of sockets holds is up to the system.
  if options.capacity then error("its pipes have no capacity", 0) end
  packing.check()
  local format = packing.format_of(options.values)
  if not format then error("its pipes carry plain values alone", 0) end
  local senders, receivers = options.senders, options.receivers
  local outward, inward = connect(senders, receivers)
  local threads = {}
  for k = 1, receivers do
    local count = 0
    for i = 1, senders do
      local sent = runs.share(options.messages, senders, i)
      count = count + runs.share(sent, receivers, k)
    end
    threads[k] = start("receiver", table.concat(inward[k], " "), count, format)
  end
  for i = 1, senders do
    threads[receivers + i] = start("sender", table.concat(outward[i], " "),
      runs.share(options.messages, senders, i), format,
      packing.packed(format, options.values))
  end
  local start_time, last = let_go(threads), 0
  for k = 1, receivers do
    last = math.max(last, (unpack("i8", read_control(threads[k], 8))))
  end
  join_all(threads)
  return last - start_time
end

-- There and back --------------------------------------------------------------

-- The answer to each question is how long the answering side held it back.
function parts.answerer(control, list, pause)
  local pipes = open_all(list)
  read_messages(pipes[1], "<i8", function()
    local held = 0
    if pause then
      local came = now()
      sleep(pause)
      held = now() - came
    end
    pipes[1]:write(pack("<s4", pack("<i8", held)))
  end)
  wait_at(control)
  luv.run() -- until the asking side closes its end
end

function adapter.ping_pong(options)
  packing.check()
  local pair, times = new_pair({ nonblock = true }), {}
  local thread = start("answerer", tostring(pair[1]), options.pause)
  local pipe, start_time = open(pair[2]), nil
  local function ask()
    if options.pause then sleep(options.pause) end
    start_time = now()
    pipe:write(pack("<s4", pack("<i8", 1)))
  end
  read_messages(pipe, "<i8", function(held)
    times[#times + 1] = now() - start_time - held
    if #times == options.rounds then return pipe:close() end
    ask()
  end)
  let_go { thread }
  ask()
  luv.run()
  join_all { thread }
  return times
end

-- From many sockets -----------------------------------------------------------

-- Sends so many messages through the sockets in turn, each at once.
function parts.feeder(control, list, count)
  local pipes = open_all(list)
  wait_at(control)
  for i = 0, lua.integer(count) - 1 do
    write(pipes[i % #pipes + 1], pack("<s4", pack("<i8", i)))
  end
  close_all(pipes)
end

function adapter.fan_in(options)
  packing.check()
  local outward, inward = connect(options.channels, 1)
  local list, pipes, received, last = {}, {}, 0, nil
  for i = 1, options.channels do
    list[i] = outward[i][1]
    pipes[i] = open(inward[1][i])
    read_messages(pipes[i], "<i8", function()
      received = received + 1
      if received == options.messages then last = now() end
    end)
  end
  local thread = start("feeder", table.concat(list, " "), options.messages)
  local start_time = let_go { thread }
  luv.run() -- until the feeder closes its ends
  join_all { thread }
  return last - start_time
end

return adapter
