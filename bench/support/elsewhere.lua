-- SPDX-License-Identifier: MIT
--
-- A library that does not know this version of Lua, measured in a process of
-- another interpreter. This file is both ends: the module that starts the
-- process for each call, and the program that runs there.
--
-- Only what tells its own time is left to the adapter, since a call from here
-- costs a process: `stream`, `ping_pong` and `fan_in`.
--
-- bench_native is made for one version of Lua. There it is replaced by luv,
-- whose clock is the same one.

local files = require "support.files"
local lua = require "support.lua"

local elsewhere = {}

local SELF_TIMED = { "stream", "ping_pong", "fan_in" }
local UNTIMED = { "thread", "burst", "argument", "round_trip" }

local function source_of(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "number" then return ("%.17g"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, part in pairs(value) do
    parts[#parts + 1] = ("[%s]=%s"):format(source_of(key), source_of(part))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- The process -----------------------------------------------------------------

local function replace_native()
  local luv = require "luv"
  package.preload["bench_native"] = function()
    return {
      now = luv.hrtime,
      sleep = function(milliseconds)
        require "luv".sleep(math.ceil(milliseconds))
      end,
    }
  end
end

-- "load" tells the version; any other method is called.
local function serve(name, method, ...)
  replace_native()
  local adapter = require("bench.adapters." .. name)
  local version, reason = adapter.load()
  if method == "load" or not version then return version, reason end
  return adapter[method](...)
end

-- The program: NAME FILE, where the file is Lua that returns what to call.
local function main(root, name, path)
  package.path = root .. "?.lua;" .. package.path
  local results = { pcall(function() return serve(name, dofile(path)) end) }
  for i = 1, 3 do results[i] = source_of(results[i]) end
  print("return " .. table.concat(results, ","))
end

-- The adapter's side ----------------------------------------------------------

-- A file that returns the values.
local function written(...)
  local list = {}
  for i = 1, select("#", ...) do list[i] = source_of((select(i, ...))) end
  local path = os.tmpname()
  files.write(path, "return " .. table.concat(list, ","))
  return path
end

-- Returns what the method returns there. Errors there are raised here.
local function call(place, ...)
  local path = written(...)
  local said = files.output(files.command { place.interpreter, place.program,
    place.name, path } .. " 2>&1")
  os.remove(path)
  local results = lua.load(said)
  if not results then error(said:match("[^\n]*"), 0) end
  local ok, result, reason = results()
  if not ok then error(result:match("[^\n]*"), 0) end
  return result, reason
end

-- Makes the adapter one that works in the other interpreter. Returns its
-- version, or nil and why it is not to be had there either.
function elsewhere.take_place(adapter, interpreter)
  local place = {
    interpreter = interpreter,
    name = adapter.name,
    program = assert(lua.searchpath("bench.support.elsewhere",
      package.path)),
  }
  local ok, version, reason = pcall(call, place, "load")
  if not ok then return nil, version end
  if not version then return nil, reason end
  for _, method in ipairs(SELF_TIMED) do
    if adapter[method] then
      adapter[method] = function(...) return call(place, method, ...) end
    end
  end
  for _, method in ipairs(UNTIMED) do adapter[method] = nil end
  return version
end

local root = arg and arg[0]
  and arg[0]:match("^(.*)bench/support/elsewhere%.lua$")
if root then main(root, arg[1], arg[2]) end

return elsewhere
