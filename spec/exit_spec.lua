-- SPDX-License-Identifier: MIT
-- The end of a whole program with threads, each in a process of its own.

local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- Programs that are tried: `working` is a child's code that takes a while,
-- `lasting` one that lasts far longer than anybody should wait for it.
local PRELUDE = [[
local new = require("llthreads2").new
local working = "for _ = 1, 5000000 do end io.write('worked ') io.flush()"
local lasting = "require('socket').select(nil, nil, 30) io.write('lasted ')"
local spinning = "local limit = os.time() + 30 while os.time() < limit do end"
]]

local FLAGS = { "false, true", "false, false", "true, false", "true, true" }

-- Runs the program; expects its output and exit code, and that it takes less
-- time than a lasting child.
local function ends_with(out, code, text)
  local seconds, results = sync.timed(proc.gives, out, code, PRELUDE .. text)
  assert.is_true(seconds < 25, text)
  return results[1]
end

describe("the end of a program", function()
  it("waits for attached children", function()
    ends_with("worked ", 0, "new(working):start()")
    ends_with("worked ", 0, "new(working):start(false, false)")
    ends_with("worked worked ", 0,
      "kept = new(working):start() new(working):start()")
  end)

  it("by an error waits for attached children, too", function()
    for _, flags in ipairs { "", "false, false" } do
      local err = ends_with("worked ", 1,
        "new(working):start(" .. flags .. ") error('the program failed')")
      assert.is_truthy(err:find("the program failed", 1, true))
    end
  end)

  it("does not wait for detached children", function()
    for _, kind in ipairs { "lasting", "spinning" } do
      for _, flags in ipairs { "true", "true, true" } do
        ends_with("", 0, ("new(%s):start(%s)"):format(kind, flags))
        ends_with("", 1, ("new(%s):start(%s) os.exit(1, true)")
          :format(kind, flags))
      end
    end
  end)

  it("runs nothing of a thread that was not started", function()
    ends_with("", 0, "new(working)")
  end)

  it("waits for a child that waits for its own children", function()
    ends_with("worked ", 0, [[
      new("local new, working = ... new(working):start(false, false)",
        new, working):start()]])
  end)

  it("reports a child that fails after it", function()
    local err = ends_with("", 0,
      "new('for _ = 1, 1000000 do end error(\"late\", 0)'):start()")
    assert.is_truthy(err:find("^Error from thread: late\n"))
  end)
end)

describe("a program that ends while children wait in vain", function()
  -- The thread objects are kept: what happens to them happens at the end.
  local WAITING = [[
    local channel = require("llthreads2.channel")
    kept = {}
    local function start(...) kept[#kept + 1] = new(...):start() end
  ]]

  local function ends_waiting(lines, text)
    local out = proc.run(PRELUDE .. WAITING .. text)
    local got = {}
    for line in out:gmatch("[^\n]+") do
      got[#got + 1] = line:gsub("\t", " ")
    end
    table.sort(got)
    table.sort(lines)
    assert.are.same(lines, got, text)
  end

  it("closes a channel that only they have", function()
    ends_waiting({ "nil closed" }, [[
      start("print((...):receive())", channel.new())]])
    ends_waiting({ "nil closed" }, [[
      local full = channel.new(1)
      full:send(1)
      start("print((...):send(2))", full)]])
    ends_waiting({ "true nil closed" }, [[
      start("local a, b = ... local ch, ok, why = "
        .. "require('llthreads2.channel').select({ a, b }) "
        .. "print(ch == a or ch == b, ok, why)",
        channel.new(), channel.new())]])
  end)

  it("lets all workers of a pool end, after the last message", function()
    ends_waiting({ "30" }, [[
      local jobs, results = channel.new(), channel.new()
      start("local n = 0 for x in (...):messages() do n = n + x end print(n)",
        results)
      for i = 1, 4 do
        start("local jobs, results = ... "
          .. "for x in jobs:messages() do results:send(x) end "
          .. "results:send(5)", jobs, results)
      end
      for i = 1, 10 do jobs:send(1) end]])
  end)

  it("lets a chain of workers end in the order of their work", function()
    for _, first in ipairs { 1, 2, 3 } do
      ends_waiting({ "1: 9", "2: 10", "3: 11" }, ([[
        local chs = {}
        for i = 1, 4 do chs[i] = channel.new() end
        for i = 0, 2 do
          local at = (i + %d) %% 3 + 1
          start("local at, from, to = ... local n = 0 "
            .. "for x in from:messages() do n = n + 1 to:send(x) end "
            .. "to:send('bye') print(at .. ': ' .. n)",
            at, chs[at], chs[at + 1])
        end
        for i = 1, 9 do chs[1]:send(i) end]]):format(first))
    end
  end)

  it("finds those who wait for each other", function()
    ends_waiting({ "nil closed", "true 1" }, [[
      local a, b = channel.new(), channel.new()
      start("local a, b = ... print(a:receive()) b:send(1)", a, b)
      start("local a, b = ... print(b:receive()) a:send(1)", a, b)]])
  end)

  it("finds those who wait for a child that waits", function()
    ends_waiting({ "true nil closed" }, [[
      start("local new, ch = ... print(new('return (...):receive()', ch)"
        .. ":start():join())", new, channel.new())]])
    ends_waiting({ "nil closed" }, [[
      start("local new, ch = ... new('print((...):receive())', ch):start()",
        new, channel.new())]])
    ends_waiting({ "nil closed" }, [[
      kept[1] = new("local new, ch = ... new('print((...):receive())', ch)"
        .. ":start()", new, channel.new()):start(false, false)]])
  end)

  it("finds channels that have names", function()
    ends_waiting({ "nil closed" }, [[
      local jobs = channel.new { name = "jobs" }
      start("print(require('llthreads2.channel').get('jobs'):receive())")]])
  end)

  it("counts what has died, has not begun, and lies in queues", function()
    ends_waiting({ "nil closed", "nil closed" }, [[
      local jobs = channel.new()
      local client = "local jobs = ... "
        .. "local reply = require('llthreads2.channel').new() "
        .. "jobs:send(reply, { reply }) print(reply:receive())"
      require("llthreads2").set_logger(function() end)
      start("error(1)", jobs)
      start(client, jobs)
      start(client, jobs)
      start("return ...", jobs)
      kept[#kept + 1] = new("return ...", jobs)
      jobs:send(jobs)]])
  end)

  it("leaves those alone for whom somebody may still do something", function()
    ends_waiting({ "true late", "nil timeout" }, [[
      local jobs = channel.new()
      start("print((...):receive())", jobs)
      start("local jobs = ... print(require('llthreads2.channel').new()"
        .. ":receive(100)) jobs:send('late')", jobs)]])
    ends_waiting({ "true late" }, [[
      local jobs = channel.new { name = "jobs" }
      start("print((...):receive())", jobs)
      start("local channel = require('llthreads2.channel') "
        .. "channel.new():receive(100) channel.get('jobs'):send('late')")]])
  end)

  it("leaves those alone for whom nobody waits", function()
    ends_waiting({ "true news" }, [[
      local parked, ch = channel.new(), channel.new()
      new("(...):receive() print('woken')", parked):start(true)
      start("print((...):receive())", ch)
      ch:send("news")]])
  end)

  it("does so, too, when a thread object is collected before", function()
    ends_waiting({ "nil closed", "on" }, [[
      new("print((...):receive())", channel.new()):start()
      collectgarbage()
      print("on")]])
  end)
end)

describe("os.exit", function()
  it("waits for nobody", function()
    for _, flags in ipairs(FLAGS) do
      ends_with("", 3, ("new(lasting):start(%s) os.exit(3)"):format(flags))
      ends_with("", 4, ("new(spinning):start(%s) os.exit(4)"):format(flags))
    end
  end)

  if lua.exit_closes then
    it("waits for attached children when it closes the state", function()
      ends_with("worked ", 3, "new(working):start() os.exit(3, true)")
      ends_with("worked ", 0, "new(working):start(false, false) "
        .. "os.exit(true, true)")
      ends_with("", 5, "new(lasting):start(true) os.exit(5, true)")
    end)

    it("in a child that closes its state ends the process", function()
      ends_with("closed", 9, "local thread = new([=[" .. lua.TOOLS .. [[
        keep = finalised(function() io.write('closed') end)
        os.exit(9, true)]=]):start()
        thread:join()]])
    end)
  end

  it("in a child ends the process with its code", function()
    for _, flags in ipairs(FLAGS) do
      ends_with("", 7, ([[
        local thread = new("os.exit(7)"):start(%s)
        while true do thread:join(50) end]]):format(flags))
    end
  end)

  it("in a child ends the process while others run", function()
    ends_with("", 8, [[
      for _ = 1, 4 do new(spinning):start() end
      new("os.exit(8)"):start():join()]])
  end)
end)

describe("a program that ends under its detached children", function()
  -- Runs the program as often as that in one shell; it must always succeed.
  -- A sanitizer sees more in one run, and takes longer.
  local function succeeds_always(times, text)
    local path = os.tmpname()
    files.write(path, text)
    local out, err = proc.shell(([[
      sh -c 'i=0; while [ $i -lt %d ]; do
        "$1" "$2" || { echo "code $? in run $i"; exit; }
        i=$((i + 1)); done; echo fine' - '%s' %s]]):format(
      proc.scaled(times), files.interpreter(), path))
    os.remove(path)
    assert.are.same({ "fine\n", "" }, { out, err })
  end

  it("does not crash", function()
    succeeds_always(200, "require'llthreads2'.new('return 1'):start(true)")
  end)

  it("does not crash when they end after the modules are unloaded", function()
    -- The modules are unloaded before the memory is freed, and freeing that
    -- many tables takes longer than the children live.
    succeeds_always(10, [[
      kept = {}
      for i = 1, 300000 do kept[i] = {} end
      local new = require("llthreads2").new
      for i = 1, 4 do
        new("for _ = 1, (...) do end return 1", i * 300000)
          :start(true, i % 2 == 0)
      end]])
  end)

  it("does not crash when many of them are busy at every moment", function()
    succeeds_always(60, [[
      local new = require("llthreads2").new
      for i = 1, 8 do
        new("for _ = 1, (...) do t = { tostring({}) } end", i * 500)
          :start(true, i % 2 == 0)
      end]])
  end)

  it("does not crash by os.exit in the middle of everything", function()
    succeeds_always(60, [[
      local new = require("llthreads2").new
      for i = 1, 4 do
        new("for _ = 1, 20000 do t = { tostring({}) } end error('x', 0)")
        new("require('llthreads2').new('return 1'):start(true)"):start(true)
        new("for _ = 1, 2000 do t = { tostring({}) } end"):start()
      end
      os.exit(0)]])
  end)
end)

describe("a C function from a module that only the child had loaded", function()
  local PROGRAM = [[
    local _, gettime = new("return require('socket.core').gettime")
      :start():join()
    collectgarbage()
    print(type(gettime()))]]

  it("can be called after the child's state is closed", function()
    ends_with("number\n", 0, PROGRAM)
  end)

  it("can be handed on to another child", function()
    ends_with("number\nnumber\n", 0, PROGRAM .. [[
      print(select(2, new("return type((...)())", gettime):start():join()))]])
  end)
end)
