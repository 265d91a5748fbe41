-- SPDX-License-Identifier: MIT
--
-- start(false, false): the Lua state of the thread is closed by the thread
-- itself, as soon as its program has ended. Files and sockets that it left open
-- are closed then. With a plain start() they would stay open until join(),
-- because the results stay in that state until somebody collects them.
--
-- Prints:
--   read until the end: good bye
--   join: true, 0 values

local llthreads2 = require "llthreads2"

-- A named pipe: its reader sees the end when the writer has closed it.
local pipe = os.tmpname()
os.remove(pipe)
os.execute("mkfifo " .. pipe)

local thread = llthreads2.new([[
  local pipe = ...
  -- A global variable, never closed by hand: only the end of the state does it.
  writer = assert(io.open(pipe, "w"))
  writer:write("good bye")
  return "this value stays in the child"
]], pipe)

assert(thread:start(false, false))

-- Nobody has called join() yet, and still the pipe comes to its end. After a
-- plain start() this line would wait for ever.
local reader = assert(io.open(pipe))
print("read until the end: " .. reader:read("*a"))
reader:close()
os.remove(pipe)

-- We may join. There are no values to get, for their state is gone.
local ok, values = thread:join()
print(("join: %s, %d values"):format(tostring(ok), values))
