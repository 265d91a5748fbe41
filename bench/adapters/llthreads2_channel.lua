-- SPDX-License-Identifier: MIT
--
-- This library, by its public modules.

local lua = require "support.lua"
local runs = require "bench.support.runs"

local adapter = { name = "llthreads2-mailbox" }

local channel, llthreads2, native

function adapter.load()
  channel = require "llthreads2.channel"
  llthreads2 = require "llthreads2"
  native = require "bench_native"
  local llthreads = require "bench.support.llthreads"
  for name, method in pairs(llthreads.methods(llthreads2.new)) do
    adapter[name] = method
  end
  return llthreads2._VERSION
end

local function start(list, code, ...)
  list[#list + 1] = assert(llthreads2.new(code, ...):start())
end

local function join(threads)
  for _, thread in ipairs(threads) do assert(thread:join()) end
end

-- Messages from threads to threads --------------------------------------------

local SENDER = [[
local ch, ready, go, count, %s = ...
ready:send()
go:receive()
for _ = 1, count do ch:send(%s) end]]

local RECEIVER = [[
local ch, ready, go, count, done = ...
local now = require("bench_native").now
ready:send()
go:receive()
for _ = 1, count do ch:receive() end
done:send(now())]]

-- "v1, v2, v3": a sender has its values in local variables.
local function names(count)
  local list = {}
  for i = 1, count do list[i] = "v" .. i end
  return table.concat(list, ", ")
end

-- The moment at which the last of so many is done.
local function last(done, count)
  local latest = 0
  for _ = 1, count do
    latest = math.max(latest, (select(2, done:receive())))
  end
  return latest
end

function adapter.stream(options)
  local ch = channel.new(options.capacity)
  local ready, go, done = channel.new(), channel.new(), channel.new()
  local senders, receivers = options.senders, options.receivers
  local threads, values = {}, names(#options.values)
  for i = 1, senders do
    start(threads, SENDER:format(values, values), ch, ready, go,
      runs.share(options.messages, senders, i), lua.unpack(options.values))
  end
  for i = 1, receivers do
    start(threads, RECEIVER, ch, ready, go,
      runs.share(options.messages, receivers, i), done)
  end
  for _ = 1, #threads do ready:receive() end
  local begin = native.now()
  for _ = 1, #threads do go:send() end
  local ns = last(done, receivers) - begin
  join(threads)
  return ns
end

-- There and back --------------------------------------------------------------

local ANSWER = [[
local ping, pong, rounds = ...
for _ = 1, rounds do
  ping:receive()
  pong:send(1)
end]]

-- The answer tells when the ping came and when the answer left.
local ANSWER_LATER = [[
local ping, pong, rounds, pause, how = ...
local native = require "bench_native"
for _ = 1, rounds do
  ping:receive()
  local got = native.now()
  native[how](pause)
  pong:send(got, native.now())
end]]

local function ask(ping, pong)
  local begin = native.now()
  ping:send(1)
  pong:receive()
  return native.now() - begin
end

-- The other side's rest does not count.
local function ask_later(ping, pong, pause, how)
  native[how](pause)
  local begin = native.now()
  ping:send(1)
  local _, got, answered = pong:receive()
  return native.now() - begin - (answered - got)
end

-- With `works`, the sides are busy in their pauses, where others sleep.
function adapter.ping_pong(options)
  local ping, pong = channel.new(), channel.new()
  local pause, how = options.pause, options.works and "work" or "sleep"
  local threads, list = {}, {}
  start(threads, pause and ANSWER_LATER or ANSWER, ping, pong, options.rounds,
    pause, how)
  local round = pause and ask_later or ask
  for i = 1, options.rounds do list[i] = round(ping, pong, pause, how) end
  join(threads)
  return list
end

-- From many channels ----------------------------------------------------------

local SPREADER = [[
local list, go, messages = ...
go:receive()
for i = 1, messages do
  list[i % #list + 1]:send(i)
end]]

function adapter.fan_in(options)
  local list, go, threads = {}, channel.new(), {}
  for i = 1, options.channels do list[i] = channel.new() end
  start(threads, SPREADER, list, go, options.messages)
  local begin = native.now()
  go:send()
  for _ = 1, options.messages do channel.select(list) end
  local ns = native.now() - begin
  join(threads)
  return ns
end

-- What only this library is asked ---------------------------------------------

-- Sends `depth` messages, then receives them, all in this thread; so often that
-- there are `messages` in all.
function adapter.fill_and_drain(depth, messages)
  local ch = channel.new()
  for _ = 1, math.floor(messages / depth) do
    for i = 1, depth do ch:send(i, "a message", true) end
    for _ = 1, depth do ch:receive() end
  end
end

-- Sends and receives one value so many times, in this thread.
function adapter.copy(value, times)
  local ch = channel.new()
  for _ = 1, times do
    ch:send(value)
    ch:receive()
  end
end

-- So many channels at once, and a message through each.
function adapter.channels(count)
  local list = {}
  for i = 1, count do list[i] = channel.new() end
  for i = 1, count do list[i]:send(i) end
  for i = 1, count do list[i]:receive() end
end

local BLOCKED = [[
local ch, ready = ...
ready:send()
ch:receive()]]

-- The processor time of so many threads that wait in `receive`, during so many
-- milliseconds.
function adapter.blocked(count, milliseconds)
  local ch, ready, threads = channel.new(), channel.new(), {}
  for _ = 1, count do start(threads, BLOCKED, ch, ready) end
  for _ = 1, count do ready:receive() end
  native.sleep(100)
  local before = native.cpu()
  native.sleep(milliseconds)
  local ns = native.cpu() - before
  ch:close()
  join(threads)
  return ns
end

return adapter
