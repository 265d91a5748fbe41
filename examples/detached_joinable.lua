-- SPDX-License-Identifier: MIT
--
-- start(true, true): a thread that we may join, but need not. When its object
-- is collected the thread is detached and goes on by itself. The object of a
-- plain start() would make the collector wait for the end of the thread.
--
-- Prints:
--   join: true, 0 values
--   the thread is running, join(0) says timeout
--   collected without waiting
--   the thread says: still here after "go on"

local llthreads2 = require "llthreads2"

-- First a thread that is joined. As its state closes itself, no values come.
local thread = assert(llthreads2.new("return 42"):start(true, true))
local ok, values = thread:join()
print(("join: %s, %d values"):format(tostring(ok), values))

-- Then one that is not. It waits for a word in a named pipe, so that we know
-- that it is running until we write that word.
local function new_pipe()
  local name = os.tmpname()
  os.remove(name)
  os.execute("mkfifo " .. name)
  return name
end

local question, answer = new_pipe(), new_pipe()

local program = [[
  local question, answer = ...
  local reader = assert(io.open(question))
  local word = reader:read("*a")
  local writer = assert(io.open(answer, "w"))
  writer:write(("still here after %q"):format(word))
  writer:close()
]]

-- The object of the thread is unreachable when this function has returned.
local function start_and_forget()
  local worker = assert(llthreads2.new(program, question, answer)
    :start(true, true))
  local _, reason = worker:join(0)
  print("the thread is running, join(0) says " .. reason)
end

start_and_forget()
collectgarbage()
print("collected without waiting")

local writer = assert(io.open(question, "w"))
writer:write("go on")
writer:close()

local reader = assert(io.open(answer))
print("the thread says: " .. reader:read("*a"))
reader:close()

os.remove(question)
os.remove(answer)
