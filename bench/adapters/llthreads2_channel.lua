-- SPDX-License-Identifier: MIT
--
-- This library, by its public modules.

local adapter = { name = "llthreads2-mailbox" }

function adapter.load()
  local llthreads2 = require "llthreads2"
  local llthreads = require "bench.support.llthreads"
  for name, method in pairs(llthreads.methods(llthreads2.new)) do
    adapter[name] = method
  end
  return llthreads2._VERSION
end

return adapter
