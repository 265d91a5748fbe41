-- SPDX-License-Identifier: MIT
--
-- Queues of messages between running threads.

local core = require "llthreads2.core"

return {
  new = core.channel.new,
  get = core.channel.get,
  select = core.channel.select,
  is = core.channel.is,
}
