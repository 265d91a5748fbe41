-- SPDX-License-Identifier: MIT
-- Code of the program that runs in the middle of the library's own: finalisers
-- and debug hooks, which use the very objects that are being worked on. See
-- hostile_callers_spec.lua for what calls the library, and for the hooks and
-- loggers of children hostile_reports_spec.lua.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local lua = require "support.lua"
local apart = require("spec.support.reentry").apart

describe("a join in whose middle other code runs", function()
  it("returns its results, which nobody else gets", function()
    apart(function(reentry)
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
    apart(function(reentry)
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
    apart(function(reentry)
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
    apart(function(reentry)
      local thread = reentry.finished()
      local results = reentry.hooked(function() error("in a hook", 0) end,
        thread.join, thread)
      reentry.same(reentry.pack(false, "in a hook"), results)
      assert(thread:alive() == false)
      reentry.is_whole_join(reentry.pack(pcall(thread.join, thread)))
    end)
  end)

  it("is not disturbed by the end of other threads", function()
    apart(function(reentry)
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
    apart(function(reentry)
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
    apart(function(reentry)
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
    apart(function(reentry)
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
      apart(function(reentry)
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
    apart(function(reentry)
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
    apart(function(reentry)
      local module = require "llthreads2.channel"
      local ch
      for _, name in ipairs { "receive", "peek" } do
        local results = reentry.disturbed(function() reentry.finalise(ch) end,
          function()
            -- Park and Miller's numbers are the same in each run.
            local number = 1
            for _ = 1, 3000 do
              number = number * 48271 % 2147483647
              ch = module.new()
              ch:send(reentry.COUNT, {})
              local f, garbage = ch[name], {}
              for i = 1, number % 2001 do garbage[i] = i end
              local ok, problem = pcall(f, ch, nil, garbage)
              assert(ok or problem:find("has been collected", 1, true), problem)
            end
          end)
        assert(results[1], results[2])
      end
    end)
  end)

  it("is refused by a select for which it is finalised too early", function()
    apart(function(reentry)
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
