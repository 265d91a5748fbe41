-- SPDX-License-Identifier: MIT
-- The library called from wherever Lua code can be: callbacks of the standard
-- libraries, finalisers of what travels, coroutines, the ends of both stacks.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local lua = require "support.lua"
local sync = require "spec.support.sync"

local pack = lua.pack

describe("callbacks of the standard libraries", function()
  it("may send and receive", function()
    local ch = channel.new()
    local t = { 3, 1, 2, 5, 4 }
    table.sort(t, function(a, b)
      ch:send(a < b)
      return select(2, ch:receive(0))
    end)
    assert.are.same({ 1, 2, 3, 4, 5 }, t)
    assert.are.equal("[a][b]", (("ab"):gsub("%a", function(c)
      ch:send("[" .. c .. "]")
      return select(2, ch:receive(0))
    end)))
    assert.are.equal("ab", load(function()
      ch:send("x")
      ch:receive(0)
      return nil
    end) and "ab")
    assert.are.same({ false, "raised" }, { pcall(table.sort, t, function(_, b)
      ch:send(b)
      error("raised", 0)
    end) })
    assert.are.equal(1, ch:clear())
  end)

  it("of a value's metatable are not called when it travels", function()
    local function forbidden() error("a metamethod was called") end
    local meta = { __gc = nil }
    for _, event in ipairs { "index", "newindex", "pairs", "len", "eq", "lt",
      "le", "call", "tostring", "concat", "close", "unm", "add", "band" } do
      meta["__" .. event] = forbidden
    end
    meta.__name, meta.__metatable, meta.__mode = 1, forbidden, "kv"
    local value = setmetatable({ 1, 2, field = {}, [{}] = true }, meta)
    local ch = channel.new()
    ch:send(value, value)
    local _, copy, same = ch:receive(0)
    assert.is_true(rawequal(copy, same))
    assert.is_nil(getmetatable(copy))
    assert.are.same({ true, 2 }, { llthreads.new("return #...", value):start()
      :join() })
    -- Nor is that of all strings, numbers and so on.
    for _, each in ipairs { "", 0, true, print } do
      local old = debug.getmetatable(each)
      debug.setmetatable(each, { __index = forbidden, __eq = forbidden,
        __len = forbidden, __tostring = forbidden, __gc = forbidden })
      local ok, same_too = pcall(function()
        channel.send = nil
        local object = debug.getmetatable(ch).__index
        object.send(ch, each, { each })
        local _, one = object.receive(ch, 0)
        -- In 5.1 a C function is another one each time it is made.
        return rawequal(one, each) or lua.version == 5.1
          and rawequal(each, print) and type(one) == "function"
      end)
      debug.setmetatable(each, old)
      assert.are.same({ true, true }, { ok, same_too })
    end
  end)

  if lua.finalises_tables then
    it("may be finalised while they travel", function()
      local ch, seen = channel.new(), 0
      for _ = 1, 100 do
        ch:send(setmetatable({ {} }, { __gc = function(t)
          seen = seen + 1
          ch:send(t)
          ch:receive(0)
        end }))
      end
      sync.collect()
      assert.are.equal(100, seen)
      assert.are.equal(100, ch:count())
    end)
  end
end)

describe("a coroutine", function()
  -- Coroutines can be closed since 5.4.
  local GUARD = lua.version >= 5.4 and [[<close> = setmetatable({}, {
    __close = function() ch:send("closed") end })]] or ""
  local LOOP = "local ch = ... local guard " .. GUARD
    .. "for value in ch:messages() do coroutine.yield(value, guard) end"

  it("can be given up, closed and forgotten in the middle of a loop", function()
    local ch, left = channel.new(), 27
    for i = 1, 30 do ch:send(i) end
    for i = 1, 3 do
      local co = coroutine.create(lua.load(LOOP))
      assert.are.same({ true, i }, { (coroutine.resume(co, ch)), i })
      if i == 1 and coroutine.close then
        assert.is_true(coroutine.close(co))
        left = left + 1
      end
    end
    sync.collect()
    assert.are.equal(left, ch:count())
  end)

  it("cannot yield out of what the library calls, which loses nothing",
    function()
      local ch = channel.new()
      ch:send({ {} }, 1)
      local co = coroutine.wrap(function()
        local active = true
        debug.sethook(function()
          local caller = debug.getinfo(3, "f")
          if active and caller and caller.func == ch.receive then
            active = false
            coroutine.yield()
          end
        end, "c")
        local results = pack(pcall(ch.receive, ch))
        debug.sethook()
        return results
      end)
      local results = co()
      assert.is_false(results[1])
      assert.is_truthy(tostring(results[2]):find("yield", 1, true))
      assert.are.equal(1, ch:count())
    end)

  it("can use everything, 150 deep", function()
    local function deep(level)
      if level == 0 then
        local ch = channel.new()
        ch:send(level)
        local ok, value = llthreads.new("return (...):receive()", ch)
          :start():join()
        return ok and value
      end
      return coroutine.wrap(deep)(level - 1)
    end
    assert.is_true(deep(150))
  end)

  -- LuaJIT lets the C stack overflow, also without us.
  if not lua.jit then
    it("is refused at the end of the C stack, and nothing is lost", function()
      local ch = channel.new()
      ch:send({ {} }, 1)
      local problems = {}
      local function deep()
        local ok, problem = pcall(function()
          local _, _, number = ch:receive(0)
          assert(number == 1)
          ch:send({ {} }, 1)
          assert(llthreads.new("", 1, {}))
          assert(channel.select({ ch }, 0))
          ch:send({ {} }, 1)
        end)
        if not ok then problems[#problems + 1] = tostring(problem) end
        return (("x"):gsub("x", deep))
      end
      assert.is_false(pcall(deep))
      for _, problem in ipairs(problems) do
        assert.is_truthy(problem:find("stack overflow", 1, true), problem)
      end
      assert.is_true(ch:count() <= 1)
    end)
  end

  it("is refused at the end of the Lua stack, too", function()
    local ch = channel.new()
    -- A few frames fill it.
    for _, call in ipairs { "ch:peek()", "channel.new(1)", "ch:receive(0)" } do
      ch:clear()
      ch:send({ {} }, 1)
      local ok, problem = pcall(lua.load(([[
        local ch, channel = ...
        local function deep()
          local %s a = %s
          return 1 + deep()
        end
        return deep()]]):format(("a,"):rep(150), call)), ch, channel)
      assert.is_false(ok)
      assert.is_truthy(problem:find("stack overflow", 1, true), problem)
    end
  end)
end)
