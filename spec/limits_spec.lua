-- SPDX-License-Identifier: MIT
-- Limits of the operating system that are reached for real: each refusal is an
-- error of the call that met it, the process goes on, and the same call
-- succeeds when there is room again. tests/oom/ makes single calls fail.

local costs = require "spec.support.costs"
local lua = require "support.lua"
local memory = require "spec.support.memory"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return lines
end

describe("with few descriptors", function()
  it("fd raises, the channel works, and fd succeeds later", function()
    assert.are.equal([[
true
false	no descriptor for the channel: Too many open files
nil	timeout
true	message
true
false	no descriptor for the channel: Too many open files
true
number	true	first	last
]], proc.said("prlimit --nofile=20", [[
      local channel = require "llthreads2.channel"
      local function fd(ch)
        local ok, result = pcall(ch.fd, ch)
        if ok then return true end
        return false, (result:gsub("^.-:%d+: ", ""))
      end
      local hoard, ch = {}, nil
      repeat
        ch = channel.new()
        hoard[#hoard + 1] = ch
      until not fd(ch) or #hoard > 100
      hoard[#hoard] = nil
      print(#hoard > 5 and #hoard < 20)
      print(fd(ch))
      print(ch:receive(0))
      ch:send "message"
      print(ch:receive(0))
      print(fd(hoard[1]))
      print(fd(ch))
      ch:send "first"
      hoard = nil
      for _ = 1, 3 do collectgarbage() end
      print(fd(ch))
      ch:send "last"
      local _, first = ch:receive(0)
      local _, last = ch:receive(0)
      print(type(ch:fd()), ch:receive(0) == nil, first, last)]]))
  end)

  it("threads start, send and receive", function()
    assert.are.equal("true\t499500\n", proc.said("prlimit --nofile=20", [[
      local channel = require "llthreads2.channel"
      local llthreads = require "llthreads2"
      local hoard = {}
      repeat hoard[#hoard + 1] = channel.new()
      until not pcall(hoard[#hoard].fd, hoard[#hoard])
      local ch, sum = channel.new(10), 0
      local thread = llthreads.new(
        "local ch = ...; for i = 0, 999 do ch:send(i) end; return ch:close()",
        ch):start()
      for i in ch:messages() do sum = sum + i end
      print(select(2, thread:join()), sum)]]))
  end)
end)

describe("with a limit of processes", function()
  -- Root is not limited, so that another user tries: one that is not limited
  -- by the threads of the same test elsewhere.
  local function said_with(number, text)
    local _, _, code = proc.shell("setpriv --reuid=12345 --clear-groups true")
    if code ~= 0 then pending("setpriv may not change the user here") end
    math.randomseed(os.time() + math.floor(os.clock() * 1000000))
    local id = math.random(100000, 2000000000)
    return proc.said(("setpriv --reuid=%d --regid=%d --clear-groups "
      .. "prlimit --nproc=%d"):format(id, id, number), text)
  end

  it("start is refused again and again, and succeeds in between", function()
    assert.are.equal("20 rounds, 5 threads each\n", said_with(6, [[
      local channel = require "llthreads2.channel"
      local llthreads = require "llthreads2"
      local per_round
      for round = 1, 20 do
        local go, threads, refused = channel.new(), {}, nil
        repeat
          local thread = llthreads.new("return (...):receive()", go)
          local started, problem = thread:start()
          if started then
            threads[#threads + 1] = thread
          else
            assert(problem == "Resource temporarily unavailable", problem)
            assert(not thread:started() and not thread:detached())
            refused = thread
          end
        until refused or #threads == 50
        per_round = per_round or #threads
        assert(#threads == per_round, "round " .. round .. ": " .. #threads)
        for i = 1, #threads + 1 do go:send(i) end
        for _, thread in ipairs(threads) do assert(thread:join()) end
        local deadline = os.time() + 20
        local started
        repeat started = refused:start() until started or os.time() > deadline
        assert(refused:join())
        assert(go:count() == 0)
      end
      print("20 rounds, " .. per_round .. " threads each")]]))
  end)

  -- Children that wait for the end of the server's connections are started
  -- until one is refused, and that one is started again after their end.
  local PROGRAM = lua.TOOLS .. sync.SETTLED .. [[
    local new = require("llthreads2").new
    local server = assert(require("socket").bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    local running, links, refused = {}, {}
    repeat
      local thread = new([=[
        local link = require("socket").connect("127.0.0.1", (...))
        if link then link:receive() end
        return "ran"]=], tonumber(port))
      local results = pack(thread:start(false, true))
      if results[1] then
        running[#running + 1] = thread
        links[#links + 1] = assert(server:accept())
      else
        refused = thread
        print(unpack(results, 1, results.n))
      end
    until refused or #running == 100
    print(#running > 0 and #running < 10, refused:started(),
      refused:detached(), refused:joinable())
    print(refused:join())
    print(refused:alive())
    for _, flags in ipairs { { true }, { false, false }, { true, true } } do
      print(refused:start(unpack(flags)))
    end
    server:close()
    for _, link in ipairs(links) do link:close() end
    for _, thread in ipairs(running) do assert(thread:join()) end
    print(refused:start(%s) == refused, refused:started(),
      refused:detached(), refused:joinable())
    print(refused:join())
    refused, running = nil, nil
    local left = settled()
    print(left.threads, left.messages)]]

  -- What it says of the refusal, and of the start that is repeated.
  local function refused_and_repeated(flags)
    local lines = lines_of(said_with(8, PROGRAM:format(flags)))
    return { lua.unpack(lines, 1, 7) }, { lua.unpack(lines, 8) }
  end

  it("start returns nil and its message, and changes nothing", function()
    local unstarted = "nil\tCan't join a thread that hasn't be started."
    local refusal = "nil\tResource temporarily unavailable"
    assert.are.same({ refusal, "true\tfalse\tfalse\tfalse", unstarted,
      unstarted, refusal, refusal, refusal }, (refused_and_repeated("")))
  end)

  it("start can be repeated later with any flags", function()
    for flags, lines in pairs {
      [""] = { "true\ttrue\tfalse\ttrue", "true\tran", "0\t0" },
      ["false, false"] = { "true\ttrue\tfalse\tfalse", "true\t0", "0\t0" },
      ["true, true"] = { "true\ttrue\ttrue\ttrue", "true\t0", "0\t0" },
      ["true"] = { "true\ttrue\ttrue\tfalse",
        "nil\tCan't join a thread that has been detached.", "0\t0" },
    } do
      assert.are.same(lines, select(2, refused_and_repeated(flags)))
    end
  end)
end)

describe("with little address space", function()
  it("start is refused, and succeeds when threads have ended", function()
    assert.are.equal("true\nnil\ttrue\nfalse\ntrue\ttrue\t0\n", proc.said(
      "prlimit --as=300000000", [[
      local channel = require "llthreads2.channel"
      local llthreads = require "llthreads2"
      local go, threads, refused, problem = channel.new(), {}, nil, nil
      repeat
        local thread = llthreads.new("return (...):receive()", go)
        local started
        started, problem = thread:start()
        if started then threads[#threads + 1] = thread
        else refused = thread end
      until refused or #threads == 1000
      print(#threads > 3 and #threads < 100)
      print(nil, problem == "Cannot allocate memory"
        or problem == "Resource temporarily unavailable")
      print(refused:started())
      -- Some may have had no memory for a state.
      go:close()
      for _, thread in ipairs(threads) do
        local ok, result = thread:join()
        assert(ok or result == "Error from child thread: not enough memory",
          result)
      end
      print(refused:start() == refused, refused:join(), go:count())]]))
  end)

  it("a long string is refused whole, and later things are not", function()
    local refusal = "nil\tCannot allocate memory\tfalse\n"
    -- In 5.1 nothing is lent.
    if lua.name == "Lua 5.1" then refusal = "false\tnot enough memory\n" end
    assert.are.equal([[
false	not enough memory	0
false	not enough memory	0
false	not enough memory
]] .. refusal .. [[
true
true	fits
]], proc.said("prlimit --as=300000000", [[
      local channel = require "llthreads2.channel"
      local llthreads = require "llthreads2"
      local ch = channel.new()
      -- Whatever makes a long string needs that much memory more, and may
      -- keep it for a while.
      local piece = ("x"):rep(12500000)
      local huge = piece .. piece .. piece .. piece .. piece .. piece
        .. piece .. piece .. "12345"
      piece = nil
      for _ = 1, 20 do collectgarbage() end
      -- Nothing of this size is left, beside what it takes itself.
      local hoard = {}
      pcall(function()
        while true do hoard[#hoard + 1] = ("x"):rep(10000000) .. #hoard end
      end)
      for _, send in ipairs { ch.send, ch.try_send } do
        local ok, problem = pcall(send, ch, huge)
        print(ok, problem, ch:count())
      end
      print(pcall(llthreads.new, "", { huge }))
      -- As an argument it is lent: not to a detached thread.
      local made, thread = pcall(llthreads.new, "return #...", huge)
      if made then
        local started, problem = thread:start(true)
        print(started, problem, thread:started())
      else
        print(made, thread)
      end
      thread, huge, hoard = nil, nil, nil
      collectgarbage()
      collectgarbage()
      print(ch:send("fits"))
      print(ch:receive(0))]]))
  end)
end)

describe("without memory", function()
  local function said(text)
    return lines_of(memory.said_in_little(pending, text))
  end

  it("new raises an error, leaves nothing behind and works again", function()
    assert.are.same({ "false\tnot enough memory", "true\t7", "0\t0" }, said [[
      local llthreads = require("llthreads2")
      local big, most = {}, ("x"):rep(10000000)
      for i = 1, 30 do big[i] = most .. i end
      print(pcall(llthreads.new, "return ...", big))
      print(llthreads.new("return ...", 7):start():join())
      collectgarbage()
      local live = require("llthreads2.core").live()
      print(live.threads, live.messages)]])
  end)

  it("the results of a child make it a thread that failed", function()
    assert.are.same({ "false\ttrue", "true\t7" }, said [[
      local new = require("llthreads2").new
      local ok, message = new("require('llthreads2').set_logger(type) "
        .. "local x = ('x'):rep(150000000) return { x, x .. 'y' }")
        :start():join()
      print(ok, message:find("not enough memory", 1, true) ~= nil)
      collectgarbage()
      print(new("return ...", 7):start():join())]])
  end)

  it("for the results in the parent, a second join still finds them",
    function()
      assert.are.same({ "false", "true\t40000000", "nil\tjoined" }, said [[
        local new = require("llthreads2").new
        local thread = new("return ('x'):rep(40000000)"):start()
        while thread:alive() do new(""):start():join() end
        local hoard = {}
        pcall(function()
          while true do
            hoard[#hoard + 1] = ("x"):rep(8000000) .. #hoard
          end
        end)
        local ok, result = pcall(thread.join, thread)
        print(ok and result)
        hoard = nil
        collectgarbage()
        local ok, text = thread:join()
        print(ok, #text)
        local ok, text = thread:join()
        print(ok, text:match("joined"))]])
    end)
end)

describe("a system call that fails once", function()
  local INJECT = "strace -f -qq -o /dev/null -e trace=%s "
    .. "-e inject=%s:error=%s:when=%d"

  local function inject(call, failure, number)
    local why_not = costs.no_system_calls()
    if why_not then pending(why_not) end
    return INJECT:format(call, call, failure, number)
  end

  it("fails the k-th start alone, which can be repeated", function()
    for k = 1, 4 do
      local expected = {}
      for i = 1, 4 do
        expected[i] = i == k and "Resource temporarily unavailable\nnew\n"
          or ""
        expected[i] = expected[i] .. "true\t" .. i .. "\n"
      end
      assert.are.equal(table.concat(expected),
        proc.said(inject("clone3", "EAGAIN", k), [[
          local llthreads = require "llthreads2"
          for i = 1, 4 do
            local thread = llthreads.new("return ...", i)
            local started, problem = thread:start()
            if not started then
              print(problem)
              print(tostring(thread):match("%((.-)%)"))
              assert(thread:start())
            end
            print(thread:join())
          end]]))
    end
  end)

  it("fails the k-th descriptor alone, which can be asked for again",
    function()
      for k = 1, 2 do
        assert.are.equal(
          (k == 1 and "false\n" or "true\n") .. (k == 2 and "false\n"
            or "true\n") .. "true\ttrue\n",
          proc.said(inject("eventfd2", "ENFILE", k), [[
            local channel = require "llthreads2.channel"
            local one, two = channel.new(), channel.new()
            print((pcall(one.fd, one)))
            print((pcall(two.fd, two)))
            print(one:fd() >= 0, two:fd() >= 0)]]))
      end
    end)
end)
