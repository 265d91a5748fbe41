-- SPDX-License-Identifier: MIT
-- More of everything than anybody should ask for. LLTHREADS2_STRESS asks for
-- all of it, and prints what it took; everyday runs ask for less.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local memory = require "spec.support.memory"
local outcome = require "spec.support.outcome"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local STRESS = channels.STRESS

-- The number for everyday, for stress, and under a sanitizer.
local function choose(everyday, stress, sanitized)
  if proc.sanitizer() then return sanitized end
  return STRESS and stress or everyday
end

local function available()
  for line in io.lines("/proc/meminfo") do
    local kilobytes = line:match("^MemAvailable:%s*(%d+)")
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

-- Leaves the test out where there is not so much memory.
local function needs(gigabytes)
  if not STRESS then pending("takes gigabytes, so LLTHREADS2_STRESS asks") end
  if proc.sanitizer() then pending("a sanitizer takes too much memory") end
  if available() < gigabytes * 2^30 then
    print(("skipped: needs %g GB of memory"):format(gigabytes))
    pending("the machine has too little memory")
  end
end

-- Runs a program in a process of its own, which prints its largest size, and
-- expects its output before that.
local function gives(expected, text)
  local before = sync.now()
  local out, err, code = proc.run([[
    local llthreads = require "llthreads2"
    local channel = require "llthreads2.channel"
    local function resident(name)
      local status = require("support.files").contents("/proc/self/status")
      return tonumber(status:match(name .. ":%s*(%d+)")) / 1024
    end
  ]] .. text .. [[
    print(("\1%.0f MB"):format(resident("VmHWM")))]], { timeout = 500 })
  local result, peak = out:match("^(.*)\1(.*)\n$")
  assert.are.same({ expected, "", 0 }, { result or out, err, code })
  if STRESS then
    print(("%.1f s, %s"):format(sync.now() - before, peak))
  end
end

describe("very many threads", function()
  -- Each limit of a usual machine is far beyond what everyday runs ask for.
  local function possible()
    local least = math.huge
    for _, path in ipairs { "/proc/sys/kernel/threads-max",
      "/sys/fs/cgroup/pids.max", "/proc/sys/vm/max_map_count" } do
      local file = io.open(path)
      local number = file and file:read("*n")
      if file then file:close() end
      -- A stack takes two mappings, and a heap more.
      if path:find("map_count") and number then number = number / 4 end
      least = math.min(least, number or math.huge)
    end
    return least
  end

  it("can wait at once, and are all woken by close or by messages", function()
    local number = choose(1000, 10000, 200)
    if possible() < number + 500 then
      number = math.floor(possible() / 2)
      print(("reduced: %d threads, for want of a higher limit"):format(number))
    end
    gives(("true\t%d\n"):format(number), ([[
      local number = %d
      local ready, closed, sent = channel.new(), channel.new(), channel.new()
      local threads = {}
      for i = 1, number do
        threads[i] = llthreads.new("local ready, ch, i = ... ready:send(i) "
          .. "return ch:receive()", ready, i %% 2 == 0 and closed or sent, i)
        assert(threads[i]:start())
      end
      for i = 1, number do assert(ready:receive(60000)) end
      closed:close()
      for i = 1, number / 2 + 1 do sent:send(i) end
      local count = 0
      for i, thread in ipairs(threads) do
        local ok, result, reason = thread:join(60000)
        assert(ok, result)
        if i %% 2 == 0 then assert(result == nil and reason == "closed")
        else assert(result == true) end
        count = count + 1
      end
      print(true, count)]]):format(number))
  end)
end)

describe("very many messages", function()
  it("are counted, cleared and forgotten", function()
    local number = choose(300000, 10000000, 20000)
    gives(("%d\t%d\t0\ttrue\n"):format(number, number), ([[
      local number = %d
      local ch = channel.new()
      local function fill_and_clear()
        for i = 1, number do ch:send(i) end
        local count = ch:count()
        assert(#ch == count)
        return count, ch:clear(), ch:count()
      end
      -- What malloc() does not give back it uses again: the peak tells.
      fill_and_clear()
      local before = resident("VmHWM")
      local count, cleared, left = fill_and_clear()
      print(count, cleared, left, resident("VmHWM") - before < 32)]])
      :format(number))
  end)

  it("may hold as many values as the stack", function()
    local most = 0
    -- 5.1 and LuaJIT have no room for 8000.
    for _, number in ipairs { 1000, 7000, 7990, 7996, 7998, 10000, 200000,
      900000, 990000, 999000 } do
      local ch, values = channel.new(), {}
      for i = 1, number do values[i] = i end
      local ok, problem = pcall(function()
        assert(ch:send(lua.unpack(values)))
        most = number
      end)
      if ok then
        local received, last = pcall(function()
          return (select(number + 1, ch:receive(0)))
        end)
        if received then
          assert.are.equal(number, last)
          assert.are.equal(0, ch:count())
        else
          assert.is_truthy(last:find("stack", 1, true), last)
          assert.are.equal(1, ch:count())
        end
      else
        assert.is_truthy(problem:find("too many results", 1, true)
          or problem:find("not enough memory", 1, true)
          or problem:find("stack", 1, true), problem)
        assert.are.equal(0, ch:count())
      end
    end
    assert.is_true(most >= lua.MANY)
  end)

  -- In 5.1 the stack has no end as long as there is memory.
  if lua.name ~= "Lua 5.1" then
    it("whose values the receiver has no room for stay in line", function()
      local ch, values, refused = channel.new(), {}, 0
      for i = 1, lua.MANY do values[i] = i end
      ch:send(lua.unpack(values))
      local function deep(n, ...)
        if n == 0 then return (pcall(ch.receive, ch, 0)) end
        return (select(1, deep(n - 1, ...)))
      end
      for n = 1, math.huge do
        local fits, received = pcall(deep, n,
          lua.unpack(values, 1, math.floor(lua.MANY / 6)))
        if not fits then break end
        if received then ch:send(lua.unpack(values))
        else refused = refused + 1 end
        assert.are.equal(1, ch:count())
      end
      assert.is_true(refused > 0)
      assert.are.equal(lua.MANY, (select(lua.MANY + 1, ch:receive(0))))
    end)
  end
end)

describe("very many channels", function()
  -- Not where it is called: what LuaJIT compiles refers to upvalues for ever.
  local function repeated(list, number)
    local many = {}
    for i = 1, number do many[i] = list[i % #list + 1] end
    return many
  end

  it("can be selected from, and be sent at once", function()
    local number = math.min(choose(3000, 10000, 500), lua.MANY)
    local list = {}
    for i = 1, number do list[i] = channel.new() end
    assert.are.same({ nil, "timeout" }, { channel.select(list, 1) })
    local chosen = math.floor(number * 0.7)
    local thread = channels.sleeper(
      "return (require('llthreads2.channel').select(...))", list)
    list[chosen]:send(chosen)
    assert.are.equal(list[chosen], channels.results(thread)[1])
    for i = 1, 10 do
      local ch = list[i * number / 10]
      ch:send(i)
      assert.are.same({ ch, true, i }, { channel.select(list) })
    end
    assert.is_truthy(outcome.problem(function()
      channel.select(repeated(list, lua.TOO_MANY * 1.1), 0)
    end):find("too many channels", 1, true))
  end)
end)

describe("very long strings", function()
  -- Through arguments, results and channels; the first and the last bytes.
  local TRAVEL = [[
    local length = %s
    -- string.rep does not make strings of 2 GB.
    local piece = ("x"):rep(math.floor(length / 4))
    local text = piece .. piece .. piece .. piece
      .. ("x"):rep(length %% 4 - 1) .. "y"
    piece = nil
    assert(#text == length)
    local ch = channel.new()
    assert(ch:send(text))
    local _, received = ch:receive()
    print(#received == length, received:byte(1, 1), received:byte(-1))
    received = nil
    collectgarbage()
    local thread = llthreads.new("return #(...), (...)", text):start()
    text = nil
    collectgarbage()
    local ok, size, same = thread:join()
    print(ok, size == length, same:byte(1, 1), same:byte(-1))]]

  it("travel: 100 MB", function()
    if proc.sanitizer() then pending("a sanitizer takes too much time") end
    gives("true\t120\t121\ntrue\ttrue\t120\t121\n",
      TRAVEL:format(STRESS and "100000001" or "20000001"))
  end)

  -- LuaJIT has none that long.
  if not lua.jit then
    it("travel: 2 GB", function()
      needs(11)
      gives("true\t120\t121\ntrue\ttrue\t120\t121\n",
        TRAVEL:format("2^31 + 5"))
    end)

    it("travel: 4 GB", function()
      needs(19)
      gives("true\t120\t121\ntrue\ttrue\t120\t121\n",
        TRAVEL:format("2^32 + 5"))
    end)
  end

  it("for which there is no memory are refused, and the rest goes on",
    function()
      assert.are.equal("false\tnot enough memory\n0\ntrue\t1\n",
        memory.said_in_little(pending, [[
        local channel = require "llthreads2.channel"
        local ch = channel.new()
        local text, texts = ("x"):rep(30000000), {}
        for i = 1, 20 do texts[i] = text end
        print(pcall(ch.send, ch, unpack(texts)))
        print(ch:count())
        ch:send(1)
        print(ch:receive(0))]]))
    end)
end)

describe("very small stacks of the operating system", function()
  it("do for threads, channels and errors", function()
    if proc.sanitizer() then pending("a sanitizer needs more stack") end
    local out, err, code = proc.run([[
      local new = require("llthreads2").new
      local channel = require "llthreads2.channel"
      local ch = channel.new()
      local threads = {}
      for i = 1, 20 do
        threads[i] = new("local t = {} for i = 1, 90 do t = { t } end "
          .. "(...):send(t) return pcall(string.rep)", ch):start()
      end
      for i = 1, 20 do assert(ch:receive()) assert(threads[i]:join()) end
      print("fine")]], { prefix = "prlimit --stack=262144:" })
    assert.are.same({ "fine\n", "", 0 }, { out, err, code })
  end)
end)
