-- SPDX-License-Identifier: MIT
--
-- A thread that fails writes its error to stderr, unless the thread itself has
-- set a logger. The first thread here has one, the second one has not.
--
-- Prints:
--   logger: Error from thread: ...: the disk is full
--   join: false, Error from child thread: ...: the disk is full
--   join: false, Error from child thread: ...: nobody is listening

local llthreads2 = require "llthreads2"

-- The logger is set in the child: a thread does not inherit that of its parent.
local with_logger = [[
  local llthreads2 = require "llthreads2"

  llthreads2.set_logger(function(message)
    -- The message goes on with a traceback. Here its first line will do; a real
    -- program would hand the whole message to its log.
    print("logger: " .. message:match("[^\n]*"))
  end)

  error("the disk is full")
]]

local without_logger = [[ error("nobody is listening") ]]

for _, program in ipairs { with_logger, without_logger } do
  local thread = assert(llthreads2.new(program):start())
  -- The parent learns of the error too, when it asks.
  local ok, message = thread:join()
  print(("join: %s, %s"):format(tostring(ok), message:match("[^\n]*")))
end
