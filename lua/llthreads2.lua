-- SPDX-License-Identifier: MIT
--
-- Threads that each run a Lua state of their own. The C module also holds
-- what only its sister modules and the tests need; this table is what
-- programs see. The functions are handed on as they are: a program may pass
-- `new` to a child, and only a C function can travel.

local core = require "llthreads2.core"

return {
  new = core.new,
  set_logger = core.set_logger,
  version = core.version,
  _VERSION = core._VERSION,
  interrupted_error = core.interrupted_error,
}
