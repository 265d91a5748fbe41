-- SPDX-License-Identifier: MIT
-- Whether memory is given back, and what programs say that have little of it.
-- With a sanitizer there is nothing to see: so each function gets `pending`,
-- which busted gives to nobody but the specs themselves.

local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local memory = {}

-- The memory of this process in bytes, after a collection.
local function resident()
  sync.collect()
  return files.contents("/proc/self/statm"):match("^%d+ (%d+)") * 4096
end

-- Whether some more uses take hardly more memory than the first.
function memory.is_given_back(pending, use)
  if proc.sanitizer() then
    pending("a sanitizer keeps freed memory, and finds leaks by itself")
  end
  use()
  local before = resident()
  for _ = 1, 4 do use() end
  return resident() - before < 8 * 1024 * 1024
end

-- What a program says that has succeeded with 500 MB of address space. To make
-- a long string takes some Luas several times its length, hence many shorter
-- ones; they are different, since equal ones may be one.
function memory.said_in_little(pending, text)
  if proc.sanitizer() then
    pending("a sanitizer's shadow memory exceeds any limit")
  end
  return proc.said("prlimit --as=500000000", lua.TOOLS .. text)
end

return memory
