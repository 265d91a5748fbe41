-- SPDX-License-Identifier: MIT
--
-- What the groups "threads" and "copy" need, by nothing but the interface of
-- llthreads2: ours, or another implementation found in the directory that the
-- environment variable LLTHREADS2_PEER names, loaded beside ours.

local lua = require "support.lua"
local native = require "bench_native"
local reason = require "bench.support.reason"

local llthreads = {}

local function finish(thread)
  return select(2, assert(thread:join()))
end

local function burst(new, count)
  local threads = {}
  for i = 1, count do threads[i] = assert(new(""):start()) end
  for i = 1, count do finish(threads[i]) end
end

-- Detached threads tell by the gate that they have run.
local function detached_burst(new, count)
  for _ = 1, count do
    assert(new("(...)()", native.pass_gate):start(true))
  end
  native.gather(count)
end

-- Starts threads that wait at the gate.
local function idle(new, count)
  local threads = {}
  for i = 1, count do
    threads[i] = assert(new("(...)()", native.wait_at_gate):start())
  end
  native.gather(count)
  return threads
end

-- The methods of an adapter (see bench/adapters) that threads can have.
function llthreads.methods(new)
  return {
    thread = function() finish(assert(new(""):start())) end,
    burst = function(count) burst(new, count) end,
    detached_burst = function(count) detached_burst(new, count) end,
    idle = function(count) return idle(new, count) end,
    argument = function(value) finish(assert(new("", value):start())) end,
    round_trip = function(value)
      return finish(assert(new("return ...", value):start()))
    end,
  }
end

-- Runs the function with nothing loaded of the names of llthreads, and with
-- other places to find them; everything is as before afterwards.
local function elsewhere(directory, f)
  local path, cpath, loaded = package.path, package.cpath, {}
  local function ours(name) return name:find("^llthreads") end
  for name, module in pairs(package.loaded) do
    if ours(name) then loaded[name] = module end
  end
  for name in pairs(loaded) do package.loaded[name] = nil end
  package.path, package.cpath = directory .. "/?.lua", directory .. "/?.so"
  local results = lua.pack(pcall(f))
  package.path, package.cpath = path, cpath
  for name in pairs(package.loaded) do
    if ours(name) then package.loaded[name] = nil end
  end
  for name, module in pairs(loaded) do package.loaded[name] = module end
  return lua.unpack(results, 1, results.n)
end

local function version_of(module)
  return tostring(module._VERSION
    or type(module.version) == "function"
      and table.concat({ module.version() }, ".")
    or "of an unknown version")
end

-- The adapter of the other implementation, or nil and why there is none.
function llthreads.peer(directory)
  if not directory or directory == "" then
    return nil, "LLTHREADS2_PEER is not set"
  end
  local ok, module = elsewhere(directory, function()
    return require "llthreads2"
  end)
  if not ok then return nil, reason(module) end
  local peer = llthreads.methods(module.new)
  peer.name = "llthreads2 " .. version_of(module)
  peer.id = "peer"
  return peer
end

return llthreads
