-- SPDX-License-Identifier: MIT
-- Every function of every module and every method of every object, with
-- everything that is not meant for it, in the place of each of its arguments.
-- The functions are taken from the modules themselves; one that is not in the
-- tables below makes a test fail that asks for its entry.

local llthreads = require "llthreads2"
local ex = require "llthreads2.ex"
local channel = require "llthreads2.channel"
local core = require "llthreads2.core"
local lua = require "support.lua"
local sync = require "spec.support.sync"

local pack, unpack = lua.pack, lua.unpack

-- ---- values ----

local function forbidden() error("a metamethod was called") end

local hostile = setmetatable({}, { __index = forbidden, __len = forbidden,
  __newindex = forbidden, __eq = forbidden, __pairs = forbidden,
  __call = forbidden, __close = forbidden, __name = "hostile" })

local function lua_function() end

-- A C function that cannot travel, since its upvalue cannot.
local wrapped = coroutine.wrap(lua_function)

local closed_file = io.tmpfile()
closed_file:close()

-- The registry has some of ours.
local function light_userdata()
  for key in pairs(debug.getregistry()) do
    if type(key) == "userdata" and not debug.getmetatable(key) then
      return key
    end
  end
  error("no light userdata")
end

local NOTHING = {} -- stands for nil

-- Made anew for each test, as some of them are objects of ours.
local function values()
  return { NOTHING, true, false, 0, -1, 1.5, 0 / 0, math.huge, -math.huge,
    math.maxinteger or 2^63, math.mininteger or -2^63, 2^53, 1e308, 5e-324,
    "", "x", "0", "-1", "nan", "\0", ("x"):rep(100000), {}, { 1 }, { x = 1 },
    hostile, print, lua_function, coroutine.create(lua_function),
    coroutine.running() or NOTHING, io.stdout, closed_file, channel.new(),
    llthreads.new(""), ex.new(""), light_userdata(), ("x"):gmatch("x"),
    wrapped }
end

local function type_name(value)
  local meta = debug.getmetatable(value)
  local name = type(value) ~= "string" and meta and rawget(meta, "__name")
  if type(name) == "string" then return name end
  if type(value) == "userdata" and not meta then return "light userdata" end
  return type(value)
end

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
    if not name then return f ~= wrapped end
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
    return channel.is(value) or type_name(value) == "light userdata"
  elseif kind == "table" and getmetatable(value) then
    return type_name(value) == "hostile"
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
  all.n = math.max(#arguments, place)
  if rawequal(value, NOTHING) then value = nil end
  all[place] = value
  local ok, problem = pcall(f, unpack(all, 1, all.n))
  local said = ("%s with %s at %d: %s"):format(name, type_name(value), place,
    tostring(problem))
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

local function names_of(t)
  local names = {}
  for name, value in pairs(t) do
    if type(value) == "function" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function counts()
  sync.collect()
  local live = core.live()
  return { live.threads, live.messages, live.mailboxes, live.handles }
end

-- What all calls together have left when their objects are collected.
local function leaves_nothing(f)
  local before = counts()
  f()
  assert.is_true(sync.eventually(function()
    local now = counts()
    for i = 1, #now do
      if now[i] > before[i] then return false end
    end
    return true
  end))
end

describe("a wrong argument", function()
  for module, entry in pairs(FUNCTIONS) do
    local functions, takes = unpack(entry)
    for _, name in ipairs(names_of(functions)) do
      it("of " .. module .. "." .. name .. " is named", function()
        local good, places = unpack((assert(takes[name],
          "what does it take?")))
        leaves_nothing(function()
          local arguments = { good() }
          for place, taken in ipairs(places) do
            for _, value in ipairs(values()) do
              try(name, functions[name], arguments, place, value, taken)
            end
          end
        end)
        if name == "set_logger" then llthreads.set_logger(error) end
      end)
    end
  end

  for kind, entry in pairs(METHODS) do
    local new, takes = unpack(entry)
    local methods = debug.getmetatable(new()).__index
    for _, name in ipairs(names_of(methods)) do
      it("of the method " .. name .. " of a " .. kind .. " is named",
        function()
          local places = assert(takes[name], "what does it take?")
          leaves_nothing(function()
            for place, taken in ipairs(places) do
              for _, value in ipairs(values()) do
                local object = new()
                try(name, methods[name], { object }, place + 1, value, taken)
                if kind == "channel" then
                  assert.are.equal(0, object:count())
                end
              end
            end
          end)
        end)

      it("in the place of a " .. kind .. " is named by " .. name, function()
        for _, value in ipairs(values()) do
          if rawequal(value, NOTHING) then value = nil end
          if type_name(value) ~= kind then
            local ok, problem = pcall(methods[name], value)
            assert.is_false(ok)
            assert.are.equal(("bad argument #1 to '%s' (%s expected, got %s)")
              :format(name, kind, type_name(value)), problem)
          end
        end
        assert.are.same({ false, ("bad argument #1 to '%s' "
          .. "(%s expected, got no value)"):format(name, kind) },
          { pcall(methods[name]) })
      end)
    end
  end
end)

describe("a metamethod that is called by hand", function()
  local OBJECTS = { llthread = function() return llthreads.new("") end,
    channel = channel.new }
  local SAYS = { __tostring = "tostring", __len = "count" }

  for kind, new in pairs(OBJECTS) do
    local meta = debug.getmetatable(new())
    for _, name in ipairs(names_of(meta)) do
      it("takes or names what it gets: " .. name .. " of a " .. kind,
        function()
          for _, value in ipairs(values()) do
            if rawequal(value, NOTHING) then value = nil end
            if type_name(value) ~= kind then
              local results = pack(pcall(meta[name], value, new()))
              if SAYS[name] then
                assert.are.same({ false, ("bad argument #1 to '%s' "
                  .. "(%s expected, got %s)"):format(SAYS[name], kind,
                  type_name(value)) }, { unpack(results) })
              elseif name == "__eq" then
                assert.are.same(pack(true, false), results)
                assert.is_false(meta[name](new(), value))
              else
                assert.are.equal("__gc", name)
                assert.are.same(pack(true), results)
              end
            end
          end
        end)
    end
  end

  it("collects an object once, which is no object any more", function()
    for kind, new in pairs(OBJECTS) do
      local object = new()
      local meta = debug.getmetatable(object)
      for _ = 1, 3 do assert.are.same({}, { meta.__gc(object) }) end
      for name, method in pairs(meta.__index) do
        assert.are.same({ false, ("bad argument #1 to '%s' "
          .. "(%s has been collected)"):format(name, kind) },
          { pcall(method, object) })
      end
      assert.is_false(pcall(tostring, object))
      assert.is_false(pcall(llthreads.new, "", object))
      assert.is_false(channel.is(object))
      assert.is_false(object == new())
    end
  end)

  it("waits for a thread that runs", function()
    local thread = llthreads.new("for _ = 1, 1000000 do end"):start()
    debug.getmetatable(thread).__gc(thread)
    assert.is_false(pcall(thread.join, thread))
  end)
end)

describe("a metatable of ours", function()
  it("makes nothing ours of what it is given to", function()
    local thread, ch = llthreads.new("return 1"), channel.new()
    local file = io.tmpfile()
    local old = debug.getmetatable(file)
    for _, object in ipairs { thread, ch } do
      local meta = debug.getmetatable(object)
      local stranger = object == thread and ch or thread
      for _, other in ipairs { file, stranger, setmetatable({}, meta) } do
        local before = debug.getmetatable(other)
        debug.setmetatable(other, meta)
        for name, method in pairs(meta.__index) do
          local ok, problem = pcall(method, other)
          assert.is_false(ok, name)
          assert.is_truthy(problem:find("^bad argument #1 to"), problem)
        end
        assert.is_false(pcall(tostring, other))
        meta.__gc(other)
        debug.setmetatable(other, before)
      end
    end
    debug.setmetatable(file, old)
    file:close()
  end)

  it("is not what makes an object ours", function()
    local thread, ch = llthreads.new("return 1"), channel.new()
    local thread_meta = debug.getmetatable(thread)
    local channel_meta = debug.getmetatable(ch)
    debug.setmetatable(thread, nil)
    debug.setmetatable(ch, channel_meta.__index)
    local methods = thread_meta.__index
    assert.are.equal(thread, methods.start(thread))
    assert.are.same({ true, 1 }, { methods.join(thread) })
    assert.is_true(channel_meta.__index.send(ch, thread == ch, ch))
    assert.is_true(channel.is(ch))
    assert.are.equal(1, channel_meta.__index.clear(ch))
    debug.setmetatable(thread, thread_meta)
    debug.setmetatable(ch, channel_meta)
  end)

  it("may be emptied, in a state of its own", function()
    assert.are.same({ true, true, 1, 2 }, { llthreads.new([[
      local llthreads = require "llthreads2"
      local channel = require "llthreads2.channel"
      local thread, ch = llthreads.new("return 1"), channel.new()
      local methods, others = getmetatable(thread).__index,
        getmetatable(ch).__index
      for _, object in ipairs { thread, ch } do
        local meta = debug.getmetatable(object)
        local gc = meta.__gc
        for key in pairs(meta) do meta[key] = nil end
        meta.__gc, meta.__name, meta.__index = gc, {}, error
        pcall(methods.join, 1)
        pcall(others.send, thread, ch)
        pcall(others.send, ch, thread)
      end
      methods.start(thread)
      others.send(ch, 2)
      local _, one = methods.join(thread)
      local ok, two = others.receive(ch)
      return ok, one, two]]):start():join() })
  end)
end)

describe("the registry and the user values of an object", function()
  -- 5.1 calls the one that it has an environment.
  local set_environment = rawget(debug, "setfenv")

  local function change(object)
    if set_environment then set_environment(object, {}) return end
    debug.setuservalue(object, nil, 1)
    debug.setuservalue(object, {}, 2)
    if lua.version >= 5.4 then
      assert.is_nil((debug.getuservalue(object, 1)))
    end
  end

  it("may be changed by debug, which harms nothing", function()
    local long = ("x"):rep(1000000)
    for i = 1, 30 do
      local thread = llthreads.new("return #..., (...):byte(-1)", long .. i)
      local ch = channel.new()
      change(thread)
      change(ch)
      thread:start()
      collectgarbage()
      collectgarbage()
      assert.are.same({ true, #long + #tostring(i), ("%d"):format(i):byte(-1) },
        { thread:join() })
    end
  end)

  it("may lose all that is ours", function()
    local ch = channel.new()
    assert.are.same({ true, true, 7, "sent" }, { llthreads.new([[
      local llthreads = require "llthreads2"
      local channel = require "llthreads2.channel"
      local given = ...
      local thread = llthreads.new("return 7", ("x"):rep(100000)):start()
      -- What it was given lies there until it has a copy.
      while thread:alive() do llthreads.new(""):start():join() end
      local registry = debug.getregistry()
      for key in pairs(registry) do
        if type(key) == "userdata" then registry[key] = nil end
      end
      collectgarbage()
      local ok, seven = thread:join()
      given:send("sent")
      channel.new():send(llthreads.new("") and 1)
      collectgarbage()
      return ok, seven, (select(2, given:receive(0)))]], ch):start():join() })
  end)

  it("may have the modules loaded once more", function()
    local loaded = {}
    for name, module in pairs(package.loaded) do
      if name:find("^llthreads") then loaded[name] = module end
    end
    finally(function()
      for name, module in pairs(loaded) do package.loaded[name] = module end
    end)
    for name in pairs(loaded) do package.loaded[name] = nil end
    local other, other_channel = require "llthreads2",
      require "llthreads2.channel"
    assert.are_not.equal(llthreads, other)
    -- In 5.1 a C function is another one each time it is made.
    if lua.version >= 5.2 then
      assert.are.equal(llthreads.new, other.new)
    end
    local ch = channel.new { name = "twice" }
    assert.are.equal(ch, other_channel.get("twice"))
    assert.is_true(other_channel.is(ch))
    assert.are.equal(debug.getmetatable(ch),
      debug.getmetatable(other_channel.new()))
    ch:send(1)
    assert.are.same({ ch, true, 1 }, { other_channel.select({ ch }) })
    assert.are.same({ true, 1 }, { require("llthreads2.ex").new(
      "return ...", 1):start():join() })
  end)
end)

describe("the object of llthreads2.ex", function()
  it("is asked for by its methods", function()
    local methods = getmetatable(ex.new("")).__index
    for name, method in pairs(methods) do
      if type(method) == "function" then
        for _, value in ipairs { NOTHING, true, 1, "x", {}, print, io.stdout,
          channel.new(), llthreads.new("") } do
          if rawequal(value, NOTHING) then value = nil end
          local ok, problem = pcall(method, value)
          assert.is_false(ok)
          assert.are.equal(("bad argument #1 to '%s' (llthread.ex expected, "
            .. "got %s)"):format(name, type(value)),
            (problem:gsub("^[^\n]-:%d+: ", "")))
        end
      end
    end
  end)
end)
