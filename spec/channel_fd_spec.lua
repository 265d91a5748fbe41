-- SPDX-License-Identifier: MIT
-- The descriptor of a channel: readable exactly while `receive(0)` would say
-- something else than "timeout", in the hands of real event loops.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local cqueues = require "cqueues"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local socket = require "socket"
local sync = require "spec.support.sync"
local uv = require "luv"

local pack = lua.pack

-- What LuaSocket says about the channel now, or within `seconds`. The answer
-- for its mere descriptor has to be the same.
local function readable(ch, seconds)
  local bare = { getfd = function() return ch:fd() end }
  function bare.dirty() return false end
  local ready = socket.select({ ch }, nil, seconds or 0)
  assert(#ready == 0 or ready[1] == ch and ready[ch] == 1)
  assert.are.equal(#ready, #socket.select({ bare }, nil, 0))
  return #ready > 0
end

-- How many descriptors this process has open.
local function descriptors()
  sync.collect()
  local count, list = 0, assert(uv.fs_scandir("/proc/self/fd"))
  while uv.fs_scandir_next(list) do count = count + 1 end
  return count
end

describe("the descriptor of a channel", function()
  it("is one under three names, for all handles", function()
    local ch = channel.new()
    local fd = ch:fd()
    assert.is_truthy(tostring(fd):find("^%d+$"))
    assert.are.same({ fd, fd, fd }, { ch:getfd(), ch:pollfd(), ch:fd() })
    local other = channel.new()
    assert.are_not.equal(fd, other:pollfd())
    local thread = channels.start("return (...):fd(), (...):getfd()", ch)
    assert.are.same(pack(fd, fd), channels.results(thread))
    assert.are.equal(fd, ch:fd())
  end)

  it("comes with what event loops ask for", function()
    local ch = channel.new()
    assert.is_false(ch:dirty())
    -- The two ways to tell cqueues the same.
    assert.is_truthy(({ r = true, [1] = true })[ch:events()])
    assert.is_nil(ch:timeout())
  end)

  it("is readable while there is a message", function()
    local ch = channel.new()
    assert.is_false(readable(ch))
    for i = 1, 3 do ch:send(i) end
    for _ = 1, 3 do
      assert.is_true(readable(ch))
      ch:peek()
      assert.is_true(readable(ch))
      ch:receive(0)
    end
    assert.is_false(readable(ch))
    ch:send(1)
    ch:clear()
    assert.is_false(readable(ch))
  end)

  it("is right at once when it is asked for late", function()
    local ch = channel.new()
    ch:send(1)
    assert.is_true(readable(ch))
    ch:receive(0)
    assert.is_false(readable(ch))
    ch = channel.new()
    ch:close()
    assert.is_true(readable(ch))
  end)

  it("is readable for ever once the channel is closed", function()
    local ch = channel.new()
    ch:send(1)
    ch:fd()
    ch:close()
    for _ = 1, 3 do
      assert.is_true(readable(ch))
      ch:receive(0)
      ch:clear()
    end
  end)

  it("is open as long as the channel lives, and was asked for", function()
    local before = descriptors()
    -- Apart, lest the collector find the channels on this function's stack.
    local function use()
      local list = {}
      for i = 1, 100 do
        list[i] = channel.new()
        list[i]:send(i)
        list[i]:receive(0)
      end
      assert.are.equal(before, descriptors())
      for _, ch in ipairs(list) do ch:fd() end
      assert.is_true(descriptors() >= before + 100)
      list[1]:close()
      assert.is_true(readable(list[1]))
    end
    for _ = 1, 3 do
      use()
      assert.are.equal(before, descriptors())
    end
  end)

  it("that cannot be made leaves the channel as it was", function()
    local out, err, code = proc.run([[
      local ch = require("llthreads2.channel").new(2)
      ch:send(1)
      local files, file = {}
      repeat
        file = io.open("/dev/null")
        files[#files + 1] = file
      until not file
      local ok, fd, problem = pcall(ch.fd, ch)
      print(ok and fd == nil and type(problem) == "string"
        or not ok and type(fd) == "string", ch:count(), ch:try_send(2))
      files = nil
      collectgarbage()
      print(ch:fd() >= 0, ch:fd() == ch:getfd(), ch:receive(0))]],
      { prefix = "prlimit --nofile=40" })
    assert.are.same({ "true\t1\ttrue\ntrue\ttrue\ttrue\t1\n", "", 0 },
      { out, err, code })
  end)
end)

describe("an event loop", function()
  -- Sends 1 to 200 from another thread, at its own pace, and closes.
  local FEEDER = [[
    local ch = ...
    for i = 1, 200 do
      ch:send(i)
      if i % 50 == 0 then
        require("llthreads2").new(""):start():join()
      end
    end
    ch:close()]]

  -- Takes what is there, and returns whether that was all.
  local function drain(ch, seen)
    while true do
      local ok, value = ch:receive(0)
      if not ok then return value == "closed" end
      seen[#seen + 1] = value
    end
  end

  local function expect_all(seen)
    assert.are.equal(200, #seen)
    for i = 1, 200 do assert.are.equal(i, seen[i]) end
  end

  it("of LuaSocket takes the channel as it is, among sockets", function()
    local ch, seen = channel.new(), {}
    local server = assert(socket.bind("127.0.0.1", 0))
    local thread = channels.start(FEEDER, ch)
    repeat
      local ready = socket.select({ server, ch }, nil, sync.PATIENCE)
      assert(ready[ch] and not ready[server])
    until drain(ch, seen)
    server:close()
    expect_all(seen)
    channels.results(thread)
  end)

  it("of cqueues takes the channel as it is", function()
    local ch, quiet, seen = channel.new(), channel.new(), {}
    local loop = cqueues.new()
    local thread = channels.start(FEEDER, ch)
    loop:wrap(function()
      repeat
        local ready = cqueues.poll(quiet, ch, sync.PATIENCE)
        assert(ready == ch)
      until drain(ch, seen)
      assert(cqueues.poll(quiet, 0.001) ~= quiet)
    end)
    assert(loop:loop(sync.PATIENCE))
    loop:close()
    expect_all(seen)
    channels.results(thread)
  end)

  it("of luv takes its descriptor", function()
    local ch, seen, problem = channel.new(), {}, nil
    local poll, timer = uv.new_poll(ch:fd()), uv.new_timer()
    local thread = channels.start(FEEDER, ch)
    local function stop()
      poll:close()
      timer:close()
    end
    timer:start(channels.PATIENCE, 0, function()
      problem = "the loop was not woken"
      stop()
    end)
    poll:start("r", function(failure)
      problem = failure
      if failure or drain(ch, seen) then stop() end
    end)
    uv.run()
    assert.is_nil(problem)
    expect_all(seen)
    channels.results(thread)
  end)
end)

describe("readability", function()
  -- What the channel should hold, and what each operation should return.
  local function model(capacity)
    local queue, closed, number = {}, false, 0
    local function put(reason)
      return function(...)
        if closed then return nil, "closed" end
        if #queue >= capacity then return nil, reason end
        queue[#queue + 1] = (...)
        return true
      end
    end
    local function look()
      if #queue > 0 then return true, queue[1] end
      return nil, closed and "closed" or "timeout"
    end
    local m = { try_send = put("full"), timed_send = put("timeout") }
    function m.peek() return look() end
    function m.receive()
      local results = pack(look())
      table.remove(queue, 1)
      return lua.unpack(results, 1, results.n)
    end
    function m.clear()
      local count = #queue
      queue = {}
      return count
    end
    function m.count() return #queue end
    function m.close() closed = true return true end
    function m.readable() return #queue > 0 or closed end
    function m.next() number = number + 1 return number end
    return m
  end

  local OPERATIONS = { "try_send", "try_send", "timed_send", "receive",
    "receive", "receive", "peek", "count", "clear" }

  -- Carries out operations in another thread, one after the other.
  local SERVANT = [[
    local ch, orders, answers = ...
    local function obey(ok, name, ...)
      if ok then answers:send(ch[name](ch, ...)) end
      return ok
    end
    while obey(orders:receive()) do end]]

  local function arguments(name, number)
    if name == "try_send" then return number end
    if name == "timed_send" then return 0, number end
    if name == "receive" then return 0 end
  end

  local function random_walk(steps)
    local capacity = ({ 1, 2, 5, math.huge })[math.random(4)]
    local ch = channel.new(capacity < math.huge and capacity or nil)
    local m, orders, answers = model(capacity), channel.new(), channel.new()
    local thread = channels.start(SERVANT, ch, orders, answers)
    local function answered(ok, ...)
      assert(ok)
      return ...
    end
    local function far(name, ...)
      orders:send(name, ...)
      return answered(answers:receive(channels.PATIENCE))
    end
    local asked_at = math.random(steps / 2)
    for step = 1, steps do
      local name = OPERATIONS[math.random(#OPERATIONS)]
      if step > steps / 2 and math.random(steps / 4) == 1 then
        name = "close"
      end
      local number = m.next()
      local results
      if math.random(2) == 1 then
        results = pack(far(name, arguments(name, number)))
      else
        results = pack(ch[name](ch, arguments(name, number)))
      end
      assert.are.same(pack(m[name](number)), results, name)
      if step >= asked_at then
        assert.are.equal(m.readable(), readable(ch), "after " .. name)
      end
    end
    orders:close()
    channels.results(thread)
  end

  it("follows every operation, in whatever thread", function()
    channels.repeatedly(function()
      for _ = 1, 30 do random_walk(200) end
    end)
  end)

  -- Does as many things as it is told to, and says when it is done.
  local RACER = [[
    local ch, go, done, seed, ways = ...
    math.randomseed(seed)
    for number in go:messages() do
      for _ = 1, number do
        local way = ways[math.random(#ways)]
        ch[way](ch, way == "receive" and 0 or nil)
      end
      done:send(true)
    end]]

  local function race(ch, ways)
    local go, done, threads = channel.new(), channel.new(), {}
    for i = 1, 4 do
      threads[i] = channels.start(RACER, ch, go, done, math.random(2 ^ 30),
        ways)
    end
    for _ = 1, proc.scaled(500) do
      local number = math.random(10)
      for _ = 1, 4 do go:send(number) end
      for _ = 1, 4 do assert(done:receive(channels.PATIENCE)) end
      assert.are.equal(ch:count() > 0, readable(ch))
      ch:clear()
      assert.is_false(readable(ch))
    end
    go:close()
    for _, thread in ipairs(threads) do channels.results(thread) end
  end

  it("is exact again after a race", function()
    channels.repeatedly(function()
      for _, capacity in ipairs { 1, 3, false } do
        for _, ways in ipairs { { "try_send", "peek", "peek" },
          { "try_send", "receive" }, { "try_send", "try_send", "clear" },
          { "try_send", "peek", "receive", "clear" } } do
          local ch = channel.new(capacity or nil)
          ch:fd()
          race(ch, ways)
        end
      end
    end)
  end)
end)
