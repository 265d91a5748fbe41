-- SPDX-License-Identifier: MIT
-- Every function of every module and every method of every object, with
-- everything that is not meant for it, in the place of each of its arguments.
-- The functions are taken from the modules themselves; one that is not in the
-- tables below makes a test fail that asks for its entry. What the calls leave
-- behind the harness sees.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local lua = require "support.lua"
local strange = require "spec.support.strange"

local pack, unpack = lua.pack, lua.unpack

-- ---- what is taken ----

local function any() return true end

local function timeout(value)
  return value == nil or type(value) == "number" and value == value
end

local function is_timeout_of_join(value)
  return timeout(value) or value == "0"
end

-- Those of gmatch's iterator, in some Luas. In 5.1 they cannot be seen.
local function has_simple_upvalues(f)
  for i = 1, math.huge do
    local name, value = debug.getupvalue(f, i)
    if not name then return f ~= strange.wrapped end
    if not ({ string = true, number = true })[type(value)] then
      return false
    end
  end
end

-- Whether a value that is not nested can travel.
local function sendable(value)
  local kind = type(value)
  if kind == "function" then
    return debug.getinfo(value, "S").what == "C" and has_simple_upvalues(value)
  elseif kind == "userdata" then
    return channel.is(value) or strange.type_name(value) == "light userdata"
  elseif kind == "table" and getmetatable(value) then
    return strange.type_name(value) == "hostile"
  end
  return kind ~= "thread"
end

local function code(value)
  return type(value) == "string" or type(value) == "number"
end

local function capacity(value)
  return value == nil or type(value) == "number" and value >= 1
    and value < 2^63 and value % 1 == 0
    or type(value) == "table" and next(value) == nil
end

local function list(value)
  return type(value) == "table" and rawget(value, 1) == nil
end

local function is_function(value) return type(value) == "function" end
local function text(value) return type(value) == "string" end

-- Closed, so that nothing waits.
local function one_closed()
  local ch = channel.new(1)
  ch:close()
  return ch
end

-- By module: the good arguments of each function, and what each place takes.
local FUNCTIONS = {
  llthreads2 = { llthreads, {
    new = { function() return "", 1, 2 end, { code, sendable, sendable } },
    set_logger = { function() return print end, { is_function } },
    version = { function() end, { any, any } },
  } },
  channel = { channel, {
    new = { function() return 1 end, { capacity, any } },
    get = { function() return "no channel" end, { text, any } },
    is = { function() return 1 end, { any, any } },
    select = { function() return { one_closed() }, 0 end,
      { list, timeout, any } },
  } },
}

-- By kind of object: how one is made, and what each place after it takes.
local METHODS = {
  llthread = { function() return llthreads.new("") end, {
    start = { any, any, any }, join = { is_timeout_of_join, any },
    alive = { any }, started = { any }, detached = { any },
    joinable = { any }, interrupt = { any, any },
  } },
  channel = { one_closed, {
    send = { sendable, sendable }, try_send = { sendable, sendable },
    timed_send = { timeout, sendable, sendable }, receive = { timeout, any },
    messages = { any }, peek = { any }, count = { any }, capacity = { any },
    clear = { any }, close = { any }, closed = { any }, name = { any },
    fd = { any }, getfd = { any }, pollfd = { any }, dirty = { any },
    events = { any }, timeout = { any },
  } },
}

-- ---- calls ----

-- Calls with one argument replaced: raises nothing if it is taken, and
-- otherwise names the function and the place.
local function try(name, f, arguments, place, value, taken)
  local all = pack(unpack(arguments, 1, math.max(#arguments, place)))
  all[place] = value
  local ok, problem = pcall(f, unpack(all, 1, all.n))
  local said = ("%s with %s at %d: %s"):format(name,
    strange.type_name(value), place, tostring(problem))
  if taken(value) then
    -- Code may have errors of its own.
    assert.is_true(ok or taken == code, said)
  else
    assert.is_false(ok, said)
    local beginning = ("bad argument #%d to '%s' ("):format(place, name)
    assert.are.equal(beginning, tostring(problem):sub(1, #beginning), said)
    assert.are.equal(")", problem:sub(-1), said)
  end
end

describe("a wrong argument", function()
  for module, entry in pairs(FUNCTIONS) do
    local functions, takes = unpack(entry)
    for _, name in ipairs(strange.names(functions)) do
      it("of " .. module .. "." .. name .. " is named", function()
        local good, places = unpack((assert(takes[name],
          "what does it take?")))
        local arguments = { good() }
        for place, taken in ipairs(places) do
          for _, value in strange.each(strange.values()) do
            try(name, functions[name], arguments, place, value, taken)
          end
        end
        if name == "set_logger" then llthreads.set_logger(error) end
      end)
    end
  end

  for kind, entry in pairs(METHODS) do
    local new, takes = unpack(entry)
    local methods = debug.getmetatable(new()).__index
    for _, name in ipairs(strange.names(methods)) do
      it("of the method " .. name .. " of a " .. kind .. " is named",
        function()
          local places = assert(takes[name], "what does it take?")
          for place, taken in ipairs(places) do
            for _, value in strange.each(strange.values()) do
              local object = new()
              try(name, methods[name], { object }, place + 1, value, taken)
              if kind == "channel" then
                assert.are.equal(0, object:count())
              end
            end
          end
        end)

      it("in the place of a " .. kind .. " is named by " .. name, function()
        for _, value in strange.each(strange.values()) do
          if strange.type_name(value) ~= kind then
            local ok, problem = pcall(methods[name], value)
            assert.is_false(ok)
            assert.are.equal(("bad argument #1 to '%s' (%s expected, got %s)")
              :format(name, kind, strange.type_name(value)), problem)
          end
        end
        assert.are.same({ false, ("bad argument #1 to '%s' "
          .. "(%s expected, got no value)"):format(name, kind) },
          { pcall(methods[name]) })
      end)
    end
  end
end)
