-- SPDX-License-Identifier: MIT
-- Threads of llthreads2.ex.

local add = ...

add("ex.new", function(h)
  local ex = require "llthreads2.ex"
  local function code(...) return select("#", ...), ... end
  return {
    run = function()
      return ex.new(code, 1, { 2 }),
        ex.new({ code, prelude = code, lua_init = "x = 1" }, nil),
        ex.new("return ...", "string")
    end,
    passed = function(one, two, three)
      h.values({ true, 2, 1 }, select(1, one:start():join()), 2, 1)
      h.values({ true, 2, 1 }, two:start():join(), 2, 1)
      h.values({ true, "string" }, three:start():join())
    end,
    -- LuaJIT says no more when it has no memory.
    texts = { "unable to dump given function$" },
  }
end)

add("ex.new refuses", function(h)
  local ex = require "llthreads2.ex"
  return {
    run = function()
      local _, one = pcall(ex.new)
      local _, two = pcall(ex.new, { prelude = 5, "" })
      local _, three = pcall(ex.new, "", h.collect)
      return one, two, three
    end,
    passed = function(...)
      local texts = {
        "bad argument #1 to 'new' (function, string or options table expected, "
          .. "got nil)",
        "bad argument #1 to 'new' (option 'prelude': function or string "
          .. "expected, got number)",
        "bad argument #2 to 'new' (Lua function cannot be sent)",
      }
      h.texts(texts, ...)
    end,
  }
end)

add("ex: start, join and questions", function(h)
  local ex = require "llthreads2.ex"
  local thread
  return {
    before = function()
      thread = ex.new(function(...) return ... end, 1, { 2 })
    end,
    run = function()
      h.must(thread:start())
      local flags = { thread:started(), thread:detached(), thread:joinable() }
      thread:alive()
      thread:interrupt(false)
      return flags, thread:join()
    end,
    passed = function(flags, ok, one, two)
      h.values({ true, false, true }, table.unpack(flags))
      h.values({ true, 1, 2 }, ok, one, two[1])
    end,
    failed = function()
      if not thread:started() then thread:start() end
      local ok, one = thread:join()
      if ok then
        h.equal(1, one)
      else
        h.equal("Can't join a thread that has already been joined.", one)
      end
    end,
    after = function() thread = nil end,
    texts = h.NO_THREAD,
  }
end)

local CHILD = { sides = { "child" }, stride = 3 }

add("ex: the whole life of a thread", CHILD, function(h)
  local ex = require "llthreads2.ex"
  return {
    run = function()
      local thread = ex.new({
        -- In 5.1 a function has an `arg` of its own.
        function(...) return _G.arg.n, _G.arg[1], ... end,
        prelude = function(a) return a, { a } end,
        lua_init = "INIT = 1",
      }, "argument")
      h.must(thread:start())
      return h.joined(thread:join())
    end,
    passed = function(n, first, one, two)
      h.values({ 2, "argument", "argument", "argument" }, n, first, one,
        two[1])
    end,
    failed = h.settle,
  }
end)
