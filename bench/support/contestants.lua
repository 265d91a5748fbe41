-- SPDX-License-Identifier: MIT
--
-- Who takes part: an adapter for each library that can be loaded, ours first.

local llthreads = require "bench.support.llthreads"
local lua = require "support.lua"
local reason = require "bench.support.reason"

local contestants = {}

local OURS = "llthreads2_channel"
local others = { "mtmsg", "effil", "lanes", "luv", "cqueues" }

-- Loads the adapter of that name. Returns it, or nil and why not.
local function load_adapter(name)
  local module = "bench.adapters." .. name
  if not lua.searchpath(module, package.path) then
    return nil, "no adapter"
  end
  local adapter = require(module)
  local ok, version, missing = pcall(adapter.load)
  if not ok then return nil, reason(version) end
  if not version then return nil, missing end
  adapter.id, adapter.label = adapter.name, adapter.name
  adapter.name = adapter.name .. " " .. version
  return adapter
end

-- Returns the list of adapters, and a list of { name, reason } of those that
-- cannot take part; or ours alone.
function contestants.load(alone)
  local adapters, skipped = {}, {}
  local function add(name, adapter, missing)
    if adapter then
      adapters[#adapters + 1] = adapter
    else
      skipped[#skipped + 1] = { name, missing }
    end
  end
  adapters[1] = assert(load_adapter(OURS))
  adapters[1].id = "ours"
  if alone then return adapters, skipped end
  add("peer", llthreads.peer(os.getenv("LLTHREADS2_PEER")))
  for _, name in ipairs(others) do add(name, load_adapter(name)) end
  return adapters, skipped
end

-- Work that is done so many times.
function contestants.repeated(f, ...)
  local arguments = lua.pack(...)
  return function(times)
    for _ = 1, times do f(lua.unpack(arguments, 1, arguments.n)) end
  end
end

-- One contestant for each adapter that has the method; `complete(adapter)`
-- returns it without its name.
function contestants.from(adapters, method, complete)
  local list = {}
  for _, adapter in ipairs(adapters) do
    if adapter[method] then
      local contestant = complete(adapter)
      contestant.name, contestant.id = adapter.name, adapter.id
      contestant.label = adapter.label
      list[#list + 1] = contestant
    end
  end
  return list
end

return contestants
