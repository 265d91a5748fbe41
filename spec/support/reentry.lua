-- SPDX-License-Identifier: MIT
-- Code that runs in the middle of the library's own, by a finaliser or by a
-- debug hook. For the state of a thread of its own: where little else lies,
-- little has to be collected before a finaliser is called.

local lua = require "support.lua"

local pack = lua.pack

local reentry = { pack = pack }

-- How many tables `many()` makes: enough for several collections.
reentry.COUNT = 4000
local MANY = ("local t = {} for i = 1, %d do t[i] = { i } end ")
  :format(reentry.COUNT)
local many = lua.load(MANY .. "return t")

-- Runs the body, which has no upvalues but gets this module, in a thread of its
-- own.
function reentry.apart(body)
  local ex = require "llthreads2.ex"
  local thread = ex.new({ source = body, lua_init = false,
    prelude = function() return require "spec.support.reentry" end }):start()
  local ok, problem = thread:join(60000)
  assert(ok, problem)
end

function reentry.same(one, other)
  assert(one.n == other.n, "not as many values")
  for i = 1, one.n do
    assert(one[i] == other[i], tostring(one[i]) .. " is not expected")
  end
end

-- Whether the finaliser that asks was called where a C function was called by
-- a C function: inside of the library, or of pcall that calls it.
local function is_inside()
  local what = debug.getinfo(4, "S")
  return debug.getinfo(3, "S").what == "C" and what and what.what == "C"
end

-- Calls `f`; whenever garbage is collected inside of it, a finaliser calls
-- `action`. Returns what `f` has returned, and what `action` has, both after
-- what pcall says of them.
function reentry.disturbed(action, f, ...)
  local active, seen = true, {}
  local function arm()
    lua.finalised(function()
      if not active or #seen == 20 then return end
      if is_inside() then seen[#seen + 1] = pack(pcall(action)) end
      arm()
    end)
  end
  collectgarbage("setpause", 120)
  collectgarbage("setstepmul", 1000)
  collectgarbage()
  -- On a stack of its own, so that no slot of this one refers to the object.
  coroutine.wrap(arm)()
  local results = pack(pcall(f, ...))
  active = false
  assert(#seen > 0, "no finaliser was called")
  return results, seen
end

-- Calls the C function `f`; when it first calls something, a debug hook calls
-- `action` and raises its error.
function reentry.hooked(action, f, ...)
  local active, seen = true, {}
  debug.sethook(function()
    local caller = debug.getinfo(3, "f")
    if active and caller and caller.func == f then
      active = false
      seen[1] = pack(pcall(action))
      if not seen[1][1] then error(seen[1][2], 0) end
    end
  end, "c")
  local results = pack(pcall(f, ...))
  debug.sethook()
  assert(#seen > 0, "the hook was not called")
  return results, seen
end

reentry.WAYS = { reentry.disturbed, reentry.hooked }

-- Calls the finaliser of an object by hand.
function reentry.finalise(object)
  return debug.getmetatable(object).__gc(object)
end

-- ---- threads ----

-- A thread that has finished, whose results are large.
function reentry.finished(code)
  local new = require("llthreads2").new
  local thread = new(code or MANY .. "return t, ('x'):rep(100000)")
    :start()
  while thread:alive() do new(""):start():join() end
  return thread
end

-- Whether these are its results.
function reentry.is_whole_join(results)
  assert(results[1], results[2])
  assert(results[2] == true and results.n == 4, results[3])
  assert(results[3][reentry.COUNT][1] == reentry.COUNT)
  assert(results[4] == ("x"):rep(100000))
end

-- ---- channels ----

-- A channel with that many large messages.
function reentry.filled(count)
  local ch = require("llthreads2.channel").new(100000)
  for i = 1, count do ch:send(many(), i) end
  return ch
end

reentry.TAKES = {
  function(ch) return ch:receive() end,
  function(ch)
    return select(2, require("llthreads2.channel").select { ch })
  end,
  function(ch) return true, (ch:messages()()) end,
}
reentry.LOOKS = { function(ch) return ch:peek() end,
  lua.unpack(reentry.TAKES) }

function reentry.is_whole(results)
  assert(results[1], results[2])
  assert(results[2] == true, results[3])
  assert(#results[3] == reentry.COUNT)
end

return reentry
