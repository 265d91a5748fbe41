-- SPDX-License-Identifier: MIT
-- What a program can do to the library's objects by their metatables, by debug
-- and by the registry, and to the modules by loading them again.

local llthreads = require "llthreads2"
local ex = require "llthreads2.ex"
local channel = require "llthreads2.channel"
local lua = require "support.lua"
local strange = require "spec.support.strange"

local pack, unpack = lua.pack, lua.unpack

describe("a metamethod that is called by hand", function()
  local OBJECTS = { llthread = function() return llthreads.new("") end,
    channel = channel.new }
  local SAYS = { __tostring = "tostring", __len = "count" }

  for kind, new in pairs(OBJECTS) do
    local meta = debug.getmetatable(new())
    for _, name in ipairs(strange.names(meta)) do
      it("takes or names what it gets: " .. name .. " of a " .. kind,
        function()
          for _, value in strange.each(strange.values()) do
            if strange.type_name(value) ~= kind then
              local results = pack(pcall(meta[name], value, new()))
              if SAYS[name] then
                assert.are.same({ false, ("bad argument #1 to '%s' "
                  .. "(%s expected, got %s)"):format(SAYS[name], kind,
                  strange.type_name(value)) }, { unpack(results) })
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
        for _, value in strange.each(nil, true, 1, "x", {}, print, io.stdout,
          channel.new(), llthreads.new("")) do
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
