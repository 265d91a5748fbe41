-- SPDX-License-Identifier: MIT
-- The places where a worker meets the library. A canary (the environment
-- variable SOAK_CANARY) puts a faulty one in the place of one of these, so that
-- the ledger has something to find: see canaries.sh.

local lua = require "support.lua"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"

local calls = {}

-- Sends a message in one of the ways.
function calls.attempt(send, ch, ...)
  return send(ch, ...)
end

-- What a send has returned.
function calls.answered(ok, reason)
  return ok, reason
end

-- A message that has been received is handed to `enter`.
function calls.deliver(enter, ...)
  enter(...)
end

function calls.clear(ch)
  return ch:clear()
end

-- What a round leaves behind: nothing.
function calls.leave()
end

-- ---- faults ----

-- Whether the time for a fault has come: now and then.
local count = 0
local function now_and_then()
  count = count + 1
  return count % 100 == 0
end

local kept = {}

local faults = {}

function faults.lost()
  function calls.deliver(enter, ...)
    if not now_and_then() then enter(...) end
  end
end

-- A channel in a message would be empty at the second time, and that be found.
function faults.doubled()
  function calls.deliver(enter, ...)
    local value = select(4, ...)
    local kind = type(value)
    enter(...)
    if now_and_then() and kind ~= "userdata" and kind ~= "table" then
      enter(...)
    end
  end
end

-- One message is held back until another one has come.
function faults.reordered()
  local late
  function calls.deliver(enter, ...)
    if late then
      enter(...)
      enter(lua.unpack(late, 1, late.n))
      late = nil
    elseif now_and_then() then
      late = lua.pack(...)
    else
      enter(...)
    end
  end
end

function faults.changed()
  function calls.deliver(enter, worker, place, number, value, ...)
    if now_and_then() then value = 0.5 end
    enter(worker, place, number, value, ...)
  end
end

-- One message's values come with another one's number.
function faults.mixed_up()
  local last = lua.pack()
  function calls.deliver(enter, worker, place, number, ...)
    local values = lua.pack(...)
    if now_and_then() then values, last = last, values else last = values end
    enter(worker, place, number, lua.unpack(values, 1, values.n))
  end
end

-- A message that is said to be refused is queued all the same.
function faults.refused()
  function calls.answered(ok, reason)
    if ok and now_and_then() then return nil, "full" end
    return ok, reason
  end
end

-- A message that is said to be sent is not.
function faults.unsent()
  function calls.attempt(send, ch, ...)
    if now_and_then() then return true end
    return send(ch, ...)
  end
end

function faults.miscounted()
  function calls.clear(ch)
    return ch:clear() + 1
  end
end

-- A receiver that nobody will wake.
function faults.hang()
  function calls.deliver(enter, ...)
    enter(...)
    if not now_and_then() then return end
    local never = channel.new()
    repeat pcall(never.receive, never) until false
  end
end

function faults.thread()
  function calls.leave()
    kept[#kept + 1] = llthreads.new("")
  end
end

function faults.detached()
  function calls.leave()
    local never = channel.new()
    llthreads.new("(...):receive()", never):start(true)
  end
end

function faults.descriptor()
  function calls.leave()
    kept[#kept + 1] = assert(io.open("/dev/null"))
  end
end

function faults.handle()
  function calls.leave()
    kept[#kept + 1] = channel.new()
  end
end

function faults.message()
  function calls.leave()
    -- A cycle, which no collector finds.
    local ch = channel.new()
    ch:send(ch)
  end
end

function faults.memory()
  function calls.leave()
    kept[#kept + 1] = ("%d"):format(#kept):rep(4000000)
  end
end

local canary = os.getenv("SOAK_CANARY") or ""
if canary ~= "" then
  assert(faults[canary], "no such canary: " .. canary)()
end

return calls
