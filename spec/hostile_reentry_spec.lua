-- SPDX-License-Identifier: MIT
-- Code of the program that runs in the middle of the library's own: finalisers,
-- debug hooks, metamethods and loggers, which use the very objects that are
-- being worked on.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local apart = require("spec.support.reentry").apart
local sync = require "spec.support.sync"

local JOINED = "Can't join a thread that has already been joined."

local pack = lua.pack

describe("a join in whose middle other code runs", function()
  it("returns its results, which nobody else gets", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local text = "Can't join a thread that has already been joined."
      for _, way in ipairs(reentry.WAYS) do
        local thread = reentry.finished()
        local function join()
          local ok, message = thread:join(0)
          local alive, same = thread:alive()
          return ok, message, alive, same
        end
        local results, seen = way(join, thread.join, thread)
        -- A hook is called before the join has begun, too.
        reentry.is_whole_join(results)
        for _, nested in ipairs(seen) do
          reentry.same(reentry.pack(true, nil, text, nil, text), nested)
        end
        reentry.same(reentry.pack(nil, text), reentry.pack(thread:join()))
      end
    end)
  end)

  it("survives that its object is finalised by hand", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      for _, way in ipairs(reentry.WAYS) do
        local thread = reentry.finished()
        reentry.is_whole_join((way(function() reentry.finalise(thread) end,
          thread.join, thread)))
        reentry.finalise(thread)
        reentry.finalise(thread)
        local _, problem = pcall(thread.join, thread)
        assert(problem:find("(llthread has been collected)", 1, true), problem)
      end
    end)
  end)

  it("survives all methods of its object", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      for _, way in ipairs(reentry.WAYS) do
        local thread = reentry.finished()
        reentry.is_whole_join((way(function()
          for _, method in pairs(debug.getmetatable(thread).__index) do
            method(thread)
          end
          assert(tostring(thread):find("^llthread: "))
        end, thread.join, thread)))
      end
    end)
  end)

  it("can be repeated when that code has raised an error", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local thread = reentry.finished()
      local results = reentry.hooked(function() error("in a hook", 0) end,
        thread.join, thread)
      reentry.same(reentry.pack(false, "in a hook"), results)
      assert(thread:alive() == false)
      reentry.is_whole_join(reentry.pack(pcall(thread.join, thread)))
    end)
  end)

  it("is not disturbed by the end of other threads", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local thread = reentry.finished()
      local new = require("llthreads2").new
      reentry.is_whole_join((reentry.disturbed(function()
        local other = reentry.finished("return ('y'):rep(100000)")
        assert(select(2, other:join()) == ("y"):rep(100000))
        new("", ("z"):rep(100000)):start()
      end, thread.join, thread)))
    end)
  end)
end)

describe("a channel in whose middle other code runs", function()
  it("counts right when the same is done there", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      for _, take in ipairs(reentry.TAKES) do
        local ch = reentry.filled(50)
        local results, seen = reentry.disturbed(function()
          assert(ch:try_send(1))
          assert(ch:try_send(2))
          assert(ch:receive(0))
        end, take, ch)
        reentry.is_whole(results)
        for _, each in ipairs(seen) do assert(each[1], each[2]) end
        assert(ch:count() == 49 + #seen)
        assert(ch:clear() == 49 + #seen)
        reentry.same(reentry.pack(nil, "timeout"), reentry.pack(ch:receive(0)))
      end
    end)
  end)

  it("may be closed and cleared there", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      for _, take in ipairs(reentry.LOOKS) do
        local ch = reentry.filled(5)
        reentry.is_whole((reentry.disturbed(function()
          ch:clear()
          ch:close()
        end, take, ch)))
        -- What was being received when it was cleared was received.
        assert(ch:count() == 0)
        reentry.same(reentry.pack(nil, "closed"), reentry.pack(ch:receive()))
      end
    end)
  end)

  it("lives until its work is done if it is finalised by hand", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local is = require("llthreads2.channel").is
      for _, take in ipairs(reentry.LOOKS) do
        local ch = reentry.filled(5)
        reentry.is_whole((reentry.disturbed(function()
          reentry.finalise(ch)
        end, take, ch)))
        reentry.finalise(ch)
        assert(not is(ch))
        local _, problem = pcall(ch.count, ch)
        assert(problem:find("(channel has been collected)", 1, true), problem)
      end
    end)
  end)

  if lua.reaches_c_upvalues then
    it("survives that its iterator is robbed of it", function()
      apart(function()
        local reentry = require "spec.support.reentry"
        local iterator = reentry.filled(5):messages()
        local results = reentry.disturbed(function()
          debug.setupvalue(iterator, 1, nil)
        end, iterator)
        assert(#results[2] == reentry.COUNT)
        local _, problem = pcall(iterator)
        assert(problem:find("channel expected", 1, true), problem)
      end)
    end)
  end

  it("keeps a message in front when an error is raised there", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local select_from = require("llthreads2.channel").select
      local ch = reentry.filled(3)
      for _, f in ipairs { select_from, ch.receive, ch.peek } do
        local argument = f == select_from and { ch } or ch
        local results = reentry.hooked(function() error("in a hook", 0) end,
          f, argument)
        reentry.same(reentry.pack(false, "in a hook"), results)
        assert(ch:count() == 3)
        assert(select(3, ch:peek()) == 1)
      end
    end)
  end)

  it("is received from or refused if it is finalised by and by", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local module = require "llthreads2.channel"
      local ch
      for _, name in ipairs { "receive", "peek" } do
        local results = reentry.disturbed(function() reentry.finalise(ch) end,
          function()
            for _ = 1, 3000 do
              ch = module.new()
              ch:send(reentry.COUNT, {})
              local f, garbage = ch[name], {}
              for i = 1, math.random(0, 2000) do garbage[i] = i end
              local ok, problem = pcall(f, ch, nil, garbage)
              assert(ok or problem:find("has been collected", 1, true), problem)
            end
          end)
        assert(results[1], results[2])
      end
    end)
  end)

  it("is refused by a select for which it is finalised too early", function()
    apart(function()
      local reentry = require "spec.support.reentry"
      local module = require "llthreads2.channel"
      local list
      local results = reentry.disturbed(function()
        for _, ch in ipairs(list) do reentry.finalise(ch) end
      end, function()
        for round = 1, 1000 do
          list = {}
          for i = 1, 200 do list[i] = module.new() end
          -- Now and then it is select's turn to collect garbage.
          local garbage = {}
          for i = 1, round % 10 * 200 do garbage[i] = i end
          local ok, problem = pcall(module.select, list, 0.001, garbage)
          if not ok then return problem end
        end
      end)
      assert(results[2]:find("%(at %[%d+%]: channel has been collected%)"),
        results[2])
    end)
  end)
end)

describe("a channel that waits", function()
  it("can be used by the threads of a hook that counts instructions",
    function()
      -- What LuaJIT has compiled calls no hooks.
      if lua.jit then require("jit").off(true, true) end
      local ch, calls = channel.new(), 0
      debug.sethook(function()
        calls = calls + 1
        ch:send(calls)
        assert(ch:receive(0))
        llthreads.new("return ..."):start():join()
      end, "", 1000)
      for _ = 1, 20000 do end
      debug.sethook()
      assert.is_true(calls > 5)
      assert.are.equal(0, ch:count())
    end)

  it("can be used line by line, call by call and return by return", function()
    for _, mask in ipairs { "l", "c", "r", "crl" } do
      local ch, sent = channel.new(), 0
      debug.sethook(function()
        sent = sent + 1
        ch:send(sent)
      end, mask)
      local _ = math.abs(tonumber("-1"))
      channel.new():send({}, "x")
      debug.sethook()
      assert.is_true(sent > 0)
      for i = 1, sent do assert.are.same({ true, i }, { ch:receive(0) }) end
    end
  end)
end)

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

describe("the hook of a child", function()
  -- What `join` says of a child that ends by an error while a hook raises.
  local function failure(code)
    local thread = channels.start(sync.QUIET .. code)
    local ok, message = channels.join(thread)
    assert.is_false(ok)
    assert.are.same({ nil, JOINED }, { thread:join() })
    return message
  end

  local ERRORS = { "{}", "nil", "print", "'other'", "setmetatable({}, "
    .. "{ __tostring = function() error {} end })", "1" }

  it("that raises whatever it likes leaves an error with a text", function()
    for _, object in ipairs(ERRORS) do
      for _, mask in ipairs { "c", "r", "l", "crl" } do
        assert.are.equal(1, failure(([[
          debug.sethook(function() error(%s, 0) end, %q)
          local x = tostring(1)
          error("told", 0)]]):format(object, mask))
          :find("Error from child thread: ", 1, true), object)
      end
    end
  end)

  it("that raises when the error is reported does not replace it", function()
    for _, object in ipairs(ERRORS) do
      assert.are.equal(1, failure(([[
        local calls = 0
        debug.sethook(function()
          -- The error itself, and what adds the traceback.
          if calls >= 2 then error(%s, 0) end
          local at = debug.getinfo(2, "f")
          if calls == 1 or at.func == error then calls = calls + 1 end
        end, "c")
        error("told", 0)]]):format(object))
        :find("Error from child thread: told\n", 1, true))
    end
  end)

  it("that raises at the end does not replace what join returns", function()
    local thread = channels.start(sync.QUIET .. [[
      debug.sethook(function() error({}, 0) end, "c")
      return "result"]])
    assert.are.same({ true, "result" }, { channels.join(thread) })
    assert.is_truthy(failure([[
      local t = {}
      for _ = 1, 200 do t = { t } end
      debug.sethook(function() error({}, 0) end, "c")
      return t]]):find("Hit maximum copy depth", 1, true))
  end)
end)

describe("a logger", function()
  -- What a child's logger sent, and the message of its join.
  local function logged(body, ...)
    local ch = channel.new()
    local thread = channels.start(([[
      local llthreads, ch = require "llthreads2", ...
      local channel = require "llthreads2.channel"
      llthreads.set_logger(function(text) %s end)
      error("told", 0)]]):format(body), ch, ...)
    local ok, message = channels.join(thread)
    assert.is_false(ok)
    assert.are.equal(1, message:find("Error from child thread: told\n", 1,
      true))
    return ch
  end

  it("may start threads, join them, and fail in them", function()
    local ch = logged [[
      local thread = llthreads.new("return ...", text):start()
      local quiet = "require('llthreads2').set_logger(error) error('again')"
      ch:send(select(2, thread:join()), (llthreads.new(quiet):start():join()))
      llthreads.new("(...):send('late')", ch):start()]]
    local _, text, nested = ch:receive(0)
    assert.are.equal(1, text:find("Error from thread: told\n", 1, true))
    assert.is_false(nested)
    assert.are.same({ true, "late" }, { ch:receive(channels.PATIENCE) })
  end)

  it("may replace itself, send, close, select and fail", function()
    local ch = logged [[
      llthreads.set_logger(print)
      ch:send(text)
      llthreads.set_logger(function() end)
      channel.select({ ch }, 0)
      ch:send(select("#", pcall(llthreads.set_logger, nil)))
      ch:close()
      error(setmetatable({}, { __tostring = error }))]]
    assert.are.same({ true, 2 }, { ch:receive(0) })
    assert.are.same({ nil, "closed" }, { ch:receive(0) })
  end)

  it("may run out of stack and out of coroutines", function()
    logged "local function f() return 1 + f() end f()"
    -- LuaJIT lets the C stack overflow, also without us.
    if not lua.jit then
      logged "local function f() return (('x'):gsub('x', f)) end f()"
    end
    logged "coroutine.yield()"
    logged "coroutine.close(coroutine.running())"
    logged "error(text)"
  end)

  it("may be what an error's text is made in, too", function()
    local ch = channel.new()
    local thread = channels.start([[
      local llthreads, ch = require "llthreads2", ...
      llthreads.set_logger(function(text) ch:send(text) end)
      error(setmetatable({}, { __tostring = function()
        local thread = llthreads.new("return 'a text'"):start()
        ch:send("made")
        llthreads.set_logger(llthreads.set_logger)
        llthreads.set_logger(function(text) ch:send(text) end)
        return select(2, thread:join())
      end }))]], ch)
    local _, message = channels.join(thread)
    assert.are.equal("Error from child thread: a text", message)
    assert.are.same({ true, "made" }, { ch:receive(0) })
    assert.are.same({ true, "Error from thread: a text" }, { ch:receive(0) })
  end)
end)

describe("a report that nobody can read", function()
  it("does not end the process", function()
    -- In the end it writes by itself, which is what ends it.
    local out, _, code = proc.shell(([[sh -c '
      mkfifo "$0"
      exec 4<>"$0" 5>"$0" 4<&-
      rm "$0"
      exec env --default-signal=PIPE %s - 2>&5' "$(mktemp -u)"]])
      :format(files.interpreter()), [[
        local new = require("llthreads2").new
        for _ = 1, 3 do new("error('unseen')"):start():join() end
        io.stdout:write("alive\n")
        io.stdout:flush()
        io.stderr:write("x")]])
    assert.are.same({ "alive\n", 141 }, { out, code })
  end)
end)
