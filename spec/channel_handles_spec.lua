-- SPDX-License-Identifier: MIT
-- Handles of channels: where they can travel, how long a channel lives, and
-- the names by which channels are found.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local pack = lua.pack

-- Runs `code` in a child that has not required the module.
local function run(code, ...)
  local results = channels.results(channels.start(code, ...))
  return lua.unpack(results, 1, results.n)
end

-- Keeps what it works with off the stack of its caller, where the collector
-- would still find it.
local function apart(f, ...)
  return f(...)
end

describe("a handle", function()
  it("travels as an argument of new, at any depth", function()
    local one, two = channel.new(), channel.new()
    assert.is_true(run([[
      local one, nested = ...
      assert(package.loaded["llthreads2.channel"] == nil)
      assert(one:send("to one"))
      return nested.deep[1].two:send("to two")]],
      one, { deep = { { two = two } } }))
    assert.are.same({ true, "to one" }, { one:receive(0) })
    assert.are.same({ true, "to two" }, { two:receive(0) })
  end)

  it("has all methods in a state that never required the module", function()
    local name = channels.name()
    local ch = channel.new { name = name, capacity = 2 }
    local told, message, reason = run([[
      local ch = ...
      local told = { ch:name(), ch:capacity(), ch:try_send(1), #ch }
      told[5], told[6] = select(2, ch:peek()), ch:clear()
      ch:timed_send(0, "sent")
      ch:close()
      told[7], told[8], told[9] = ch == ch, ch:closed(), ch:fd() == ch:getfd()
      told[10] = tostring(ch):match("^(.*0x)")
      for value in ch:messages() do told[11] = value end
      return told, ch:receive()]], ch)
    assert.are.same({ { name, 2, true, 1, 1, 1, true, true, true,
      "channel (" .. name .. "): 0x", "sent" }, nil, "closed" },
      { told, message, reason })
  end)

  it("travels as a result, at any depth and with its messages", function()
    local one, nested = run([[
      local channel = require "llthreads2.channel"
      local one, two = channel.new(), channel.new(1)
      one:send("from the child")
      two:send(one)
      return one, { deep = { [1.5] = two } }]])
    assert.is_true(channel.is(one))
    local two = nested.deep[1.5]
    assert.are.equal(1, two:capacity())
    local _, same = two:receive(0)
    assert.is_true(same == one)
    assert.are.same({ true, "from the child" }, { same:receive(0) })
  end)

  it("travels in messages, as a value and as a key", function()
    local ch, one, two = channel.new(), channel.new(), channel.new()
    ch:send(one, { two, [two] = "key", { one } }, one)
    local _, back_one, back, again = ch:receive(0)
    assert.is_true(back_one == one and again == one)
    assert.is_true(back[1] == two and back[2][1] == one)
    local key
    for each, value in pairs(back) do
      if value == "key" then key = each end
    end
    assert.is_true(key == two)
  end)

  it("travels through its own channel", function()
    local ch = channel.new()
    ch:send(ch)
    assert.is_true(run([[
      local ch = ...
      local _, same = ch:receive()
      return same == ch and same:send("through itself")]], ch))
    assert.are.same({ true, "through itself" }, { ch:receive(0) })
  end)

  it("travels in an iterator over its messages", function()
    local ch = channel.new()
    for i = 1, 3 do ch:send(i) end
    ch:close()
    assert.are.equal(6, run([[
      local sum = 0
      for i in ... do sum = sum + i end
      return sum]], ch:messages()))
  end)

  it("that was collected is refused, and so is its sending", function()
    local seen
    apart(function()
      local other, ch
      local _ = lua.finalised(function()
        seen = pack(pcall(ch.count, ch))
        seen.sent = pcall(other.send, other, ch)
      end)
      -- Made later than the object, they are finalised before it.
      other, ch = channel.new(), channel.new()
    end)
    sync.collect()
    assert.is_false(seen[1])
    assert.is_false(seen.sent)
  end)
end)

describe("a channel", function()
  -- How many more handles and messages there are now than at first.
  local function counting()
    local handles, messages = channels.alive()
    return function()
      local handles_now, messages_now = channels.alive()
      return { handles_now - handles, messages_now - messages }
    end
  end

  it("is freed with its messages when the last handle goes", function()
    local more = counting()
    apart(function()
      local one, two = channel.new(), channel.new(7)
      for i = 1, 5 do
        one:send(i)
        two:send({}, i, one)
      end
      assert.are.same({ 2, 10 }, more())
      assert.is_true((two:receive(0)))
      assert.are.same({ 2, 9 }, more())
      one:clear()
      assert.are.same({ 2, 4 }, more())
    end)
    assert.are.same({ 0, 0 }, more())
  end)

  it("is freed when the states that knew it are gone", function()
    local more = counting()
    apart(function()
      local ch = channel.new()
      for _ = 1, 10 do run("kept = (...) kept:send(kept:count())", ch) end
      assert.are.same({ 1, 10 }, more())
    end)
    assert.are.same({ 0, 0 }, more())
  end)

  it("lives on in a message on its way", function()
    local more, carrier = counting(), channel.new()
    apart(function()
      local ch = channel.new()
      for _ = 1, 2 do
        ch:send("inside")
        carrier:send { { ch } }
      end
    end)
    assert.are.same({ 2, 4 }, more())
    apart(function()
      local _, t = carrier:receive(0)
      assert.are.same({ true, "inside" }, { t[1][1]:receive(0) })
    end)
    -- The other message on its way, and with it the one inside.
    carrier:clear()
    assert.are.same({ 1, 0 }, more())
  end)

  it("lives on in the arguments and results of threads", function()
    local more = counting()
    local thread = apart(function()
      local ch = channel.new()
      ch:send("inside")
      return llthreads.new("return ...", ch)
    end)
    assert.are.equal(1, more()[1])
    thread:start()
    assert.is_true(sync.eventually(function() return not thread:alive() end))
    assert.are.equal(1, more()[1])
    apart(function()
      local _, ch = thread:join()
      assert.are.same({ true, "inside" }, { ch:receive(0) })
    end)
    assert.are.same({ 0, 0 }, more())
  end)

  it("in a chain of 100,000 that hold each other is freed, too", function()
    -- In a process of its own, which may run out of stack.
    assert.are.same({ "0\t0\n", "", 0 }, { proc.run [[
      local channel = require "llthreads2.channel"
      local last
      for _ = 1, 100000 do
        local next = channel.new()
        next:send(last)
        last = next
      end
      last = nil
      for _ = 1, 3 do collectgarbage() end
      local live = require("llthreads2.core").live()
      print(live.handles, live.messages)]] })
  end)

  it("in its own queue is freed once that is cleared", function()
    local more = counting()
    apart(function()
      local ch, one, two = channel.new(), channel.new(), channel.new()
      ch:send(1, { ch })
      ch:close()
      one:send(two)
      two:send(one)
      assert.are.equal(1, ch:clear())
      assert.are.equal(1, two:clear())
    end)
    assert.are.same({ 0, 0 }, more())
  end)
end)

describe("a name", function()
  local NONE = pack(nil, "not found")

  it("finds its channel, from any state", function()
    local name = channels.name()
    local ch = channel.new { name = name }
    assert.is_true(channel.get(name) == ch)
    assert.are.same({ true, name }, { run([[
      local ch = require("llthreads2.channel").get(...)
      return ch:send("by name"), ch:name()]], name) })
    assert.are.same({ true, "by name" }, { ch:receive(0) })
  end)

  it("may have any bytes", function()
    local name = channels.name()
    local one = channel.new { name = name .. "\0one" }
    local two = channel.new { name = name .. "\0two" }
    assert.are.equal(name .. "\0one", one:name())
    assert.is_true(channel.get(name .. "\0two") == two)
    for _, none in ipairs { name, name .. "\0", name .. "\0on", "" } do
      assert.are.same(NONE, pack(channel.get(none)))
    end
  end)

  it("that is no string is an argument error", function()
    for _, name in ipairs { true, {}, print, channel.new() } do
      local problem = outcome.problem(function()
        local _ = channel.get(name)
      end)
      assert.is_truthy(problem:find("^bad argument #1 to 'get' %("))
    end
  end)

  it("of a live channel is refused to others, which changes nothing",
    function()
      local name = channels.name()
      local first = channel.new { name = name }
      first:send("kept")
      local problem = outcome.problem(function()
        local _ = channel.new { name = name, capacity = 5 }
      end)
      assert.is_truthy(problem:find("^bad argument #1 to 'new' %("))
      assert.is_truthy(problem:find(name, 1, true))
      assert.is_true(channel.get(name) == first)
      assert.are.same({ 1, math.huge }, { first:count(), first:capacity() })
    end)

  it("is not taken by a new that refuses something else", function()
    local name = channels.name()
    for _, options in ipairs { { name = name, capacity = 0 },
      { name = name, unknown = 1 } } do
      assert.is_false(pcall(channel.new, options))
      assert.are.same(NONE, pack(channel.get(name)))
    end
  end)

  it("is free again after the last handle, and not before", function()
    local name, carrier = channels.name(), channel.new()
    for _ = 1, 3 do
      apart(function()
        local ch = channel.new { name = name }
        ch:close()
        carrier:send(ch)
      end)
      sync.collect()
      -- The only handle lies in a message.
      assert.is_false(pcall(channel.new, { name = name }))
      assert.is_true(apart(function() return channel.get(name):closed() end))
      assert.are.equal(1, carrier:clear())
      sync.collect()
      assert.are.same(NONE, pack(channel.get(name)))
    end
  end)

  it("leads to a channel whose only handle is in its own queue", function()
    local name = channels.name()
    apart(function()
      local ch = channel.new { name = name }
      ch:send(ch)
    end)
    sync.collect()
    assert.are.equal(1, apart(function() return channel.get(name):clear() end))
    sync.collect()
    assert.are.same(NONE, pack(channel.get(name)))
  end)

  -- Whoever holds a channel of a name may rely on the name.
  local RACER = [[
    local name, rounds = ...
    local channel = require "llthreads2.channel"
    local made = 0
    local function hold(ch)
      local same = channel.get(name)
      assert(same == ch, "another channel has the name")
      assert(not pcall(channel.new, { name = name }), "the name was free")
      assert(ch:name() == name)
      assert(ch:try_send("x") and ch:receive(0))
    end
    local function round()
      local ok, ch = pcall(channel.new, { name = name })
      if ok then
        made = made + 1
        return hold(ch)
      end
      assert(ch:find("bad argument #1", 1, true), ch)
      local problem
      ch, problem = channel.get(name)
      if ch then hold(ch) else assert(problem == "not found") end
    end
    for _ = 1, rounds do
      round()
      collectgarbage()
    end
    return made]]

  it("is never in two hands when many threads make, find and drop it",
    function()
      local name, threads, made = channels.name(), {}, 0
      for i = 1, 8 do threads[i] = channels.start(RACER, name, 150) end
      for _, thread in ipairs(threads) do
        made = made + channels.results(thread)[1]
      end
      assert.is_true(made > 0)
      sync.collect()
      assert.are.same(NONE, pack(channel.get(name)))
    end)
end)
