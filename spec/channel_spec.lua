-- SPDX-License-Identifier: MIT
-- The functions of llthreads2.channel and the methods of a channel, row by
-- row: what they return, and how they refuse what they are not made for.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local pack = lua.pack

-- Expects that `f` raises an error that begins like this.
local function refuses(start, f)
  assert.are.equal(start, outcome.problem(f):sub(1, #start))
end

-- A channel that is full, with the numbers from 1 to its capacity.
local function full(capacity)
  local ch = channel.new(capacity)
  for i = 1, capacity do assert.is_true(ch:try_send(i)) end
  return ch
end

describe("channel.new", function()
  it("makes an unbounded channel without a name", function()
    for _, ch in ipairs { channel.new(), channel.new(nil), channel.new {} } do
      assert.are.equal(math.huge, ch:capacity())
      assert.are.same({ 0, 0 }, { ch:count(), #ch })
      assert.is_false(ch:closed())
      assert.is_nil(ch:name())
    end
  end)

  it("takes a capacity as a number or as an option", function()
    assert.are.equal(1, channel.new(1):capacity())
    assert.are.equal(64, channel.new { capacity = 64 }:capacity())
  end)

  it("takes any integer from 1 on for a capacity", function()
    for _, capacity in ipairs { 1, 2, 3, 65535, 65536, 2147483648,
      4294967296, 4294967297, math.maxinteger or 2 ^ 53 } do
      local ch = channel.new(capacity)
      assert.are.equal(capacity, ch:capacity())
      assert.is_true(ch:try_send("fits"))
      assert.are.equal(1, ch:count())
    end
  end)

  it("takes a name, alone or with a capacity", function()
    local one, two = channels.name(), channels.name() .. " too"
    local ch = channel.new { name = one }
    assert.are.same({ one, math.huge }, { ch:name(), ch:capacity() })
    ch = channel.new { name = two, capacity = 7 }
    assert.are.same({ two, 7 }, { ch:name(), ch:capacity() })
  end)

  it("refuses a capacity that is not an integer from 1 on", function()
    for _, capacity in ipairs { 0, -1, math.mininteger or -2 ^ 63, 1.5, 0 / 0,
      -math.huge, "many", true, print } do
      refuses("bad argument #1 to 'new' (", function()
        local _ = channel.new(capacity)
      end)
      refuses("bad argument #1 to 'new' (", function()
        local _ = channel.new { capacity = capacity }
      end)
    end
  end)

  it("refuses an option that it does not know, and names it", function()
    local problem = outcome.problem(function()
      local _ = channel.new { capacty = 1 }
    end)
    assert.is_truthy(problem:find("^bad argument #1 to 'new' %("))
    assert.is_truthy(problem:find("capacty", 1, true))
    for _, options in ipairs { { 1 }, { [true] = 1 }, { Name = "x" },
      { capacity = 1, extra = false }, { [{}] = 1 } } do
      refuses("bad argument #1 to 'new' (", function()
        local _ = channel.new(options)
      end)
    end
  end)

  it("refuses a name that is not a string", function()
    for _, name in ipairs { true, {}, print } do
      refuses("bad argument #1 to 'new' (", function()
        local _ = channel.new { name = name }
      end)
    end
  end)
end)

describe("channel.is", function()
  it("is true for channels only", function()
    assert.is_true(channel.is(channel.new()))
    assert.is_true(channel.is(channel.new { name = channels.name() }))
    for _, value in ipairs { 1, "channel", {}, print, io.stdout, true, false,
      coroutine.create(function() end), require("llthreads2").new(""),
      setmetatable({}, debug.getmetatable(channel.new())),
      lua.pointer() } do
      assert.is_false(channel.is(value))
    end
    assert.is_false(channel.is(nil))
  end)
end)

describe("a bounded channel", function()
  it("takes as many messages as its capacity says", function()
    for _, capacity in ipairs { 1, 2, 3, 7, 64, 1000 } do
      local ch = full(capacity)
      assert.are.same(pack(nil, "full"), pack(ch:try_send("one more")))
      assert.are.equal(capacity, #ch)
      for i = 1, 2 * capacity do
        assert.are.same({ true, i }, { ch:receive(0) })
        assert.is_true(ch:try_send(capacity + i))
        assert.are.same(pack(nil, "full"), pack(ch:try_send("one more")))
      end
    end
  end)

  it("lets a send wait for room", function()
    for _, call in ipairs { "send('late')", "timed_send(nil, 'late')",
      "timed_send(-1, 'late')", "timed_send(math.huge, 'late')",
      "timed_send(1e300, 'late')", "timed_send(20000, 'late')" } do
      local ch = full(2)
      local thread = channels.sleeper("return (...):" .. call, ch)
      assert.are.same({ true, 1 }, { ch:receive(0) })
      assert.are.same(pack(true), channels.results(thread), call)
      assert.are.same({ true, 2 }, { ch:receive(0) })
      assert.are.same({ true, "late" }, { ch:receive(0) })
    end
  end)

  it("that stays full ends a timed send with nothing queued", function()
    local ch = full(2)
    for _, timeout in ipairs { 0, 0.5, 20 } do
      local seconds, results =
        sync.timed(ch.timed_send, ch, timeout, "late")
      assert.are.same(pack(nil, "timeout"), results)
      assert.is_true(seconds >= timeout / 1000)
      assert.is_true(seconds < timeout / 1000 + 5)
      assert.are.equal(2, ch:count())
    end
    assert.are.same({ true, 1 }, { ch:receive(0) })
    assert.are.same({ true, 2 }, { ch:receive(0) })
    assert.are.same(pack(nil, "timeout"), pack(ch:receive(0)))
  end)
end)

describe("receive", function()
  it("waits for a message as long as it has to", function()
    for _, timeout in ipairs { "", "nil", "-1", "-0.5", "-math.huge",
      "math.huge", "1e300", "20000", lua.unpack(lua.has_integers
        and { "math.maxinteger", "math.mininteger" } or {}) } do
      local ch = channel.new()
      local thread = channels.sleeper(
        "return (...):receive(" .. timeout .. ")", ch)
      ch:send("came", nil)
      assert.are.same(pack(true, "came", nil), channels.results(thread))
    end
  end)

  it("takes its timeout in milliseconds, fractions included", function()
    local ch = channel.new()
    for _, timeout in ipairs { 0.25, 1, 20.5, 60 } do
      local seconds, results = sync.timed(ch.receive, ch, timeout)
      assert.are.same(pack(nil, "timeout"), results)
      assert.is_true(seconds >= timeout / 1000)
      assert.is_true(seconds < timeout / 1000 + 5)
    end
  end)

  it("never waits when its timeout is 0", function()
    for _, zero in ipairs { 0, 0.0, -0.0 } do
      local ch = channel.new()
      assert.is_true(sync.timed(function()
        for _ = 1, 1000 do
          assert(select(2, ch:receive(zero)) == "timeout")
        end
      end) < 2)
    end
  end)
end)

describe("a timeout", function()
  it("that is no number, or not a number, is an argument error", function()
    local ch = full(1)
    local list = { ch }
    for _, timeout in ipairs { 0 / 0, "0", "soon", true, {}, print } do
      refuses("bad argument #1 to 'receive' (", function()
        local _ = ch:receive(timeout)
      end)
      refuses("bad argument #1 to 'timed_send' (", function()
        local _ = ch:timed_send(timeout, "value")
      end)
      refuses("bad argument #2 to 'select' (", function()
        local _ = channel.select(list, timeout)
      end)
    end
    assert.are.same({ 1, true, 1 }, { ch:count(), ch:receive(0) })
  end)
end)

describe("peek", function()
  it("shows the oldest message, which stays where it is", function()
    for _, capacity in ipairs { 2, false } do
      local ch = channel.new(capacity or nil)
      assert.are.same(pack(nil, "timeout"), pack(ch:peek()))
      ch:send(1, nil)
      ch:send()
      for _ = 1, 3 do assert.are.same(pack(true, 1, nil), pack(ch:peek())) end
      assert.are.equal(2, ch:count())
      assert.is_true((ch:receive(0)))
      assert.are.same(pack(true), pack(ch:peek()))
      ch:close()
      assert.are.same(pack(true), pack(ch:peek()))
      assert.are.same(pack(true), pack(ch:receive(0)))
      assert.are.same(pack(nil, "closed"), pack(ch:peek()))
    end
  end)
end)

describe("messages", function()
  it("go through a loop until the channel is closed and drained", function()
    local ch, seen = channel.new(), {}
    for i = 1, 5 do ch:send(i, i * i) end
    ch:close()
    for a, b in ch:messages() do seen[#seen + 1] = { a, b } end
    assert.are.same({ { 1, 1 }, { 2, 4 }, { 3, 9 }, { 4, 16 }, { 5, 25 } },
      seen)
    for _ in ch:messages() do error("the channel was drained") end
  end)

  it("are waited for", function()
    local ch = channel.new()
    local thread = channels.sleeper([[
      local sum = 0
      for value in (...):messages() do sum = sum + value end
      return sum]], ch)
    for i = 1, 10 do ch:send(i) end
    ch:close()
    assert.are.same(pack(55), channels.results(thread))
  end)

  it("end the loop early when one begins with nil", function()
    local ch, seen = channel.new(), {}
    for _, value in ipairs { 1, 2, false, 3 } do ch:send(value or nil, "x") end
    for value in ch:messages() do seen[#seen + 1] = value end
    assert.are.same({ { 1, 2 }, true, 3, "x" }, { seen, ch:receive(0) })
  end)
end)

describe("clear", function()
  it("drops what is queued and says how many that were", function()
    for _, capacity in ipairs { 3, false } do
      local ch = channel.new(capacity or nil)
      assert.are.same(pack(0), pack(ch:clear()))
      for i = 1, 3 do ch:send(i) end
      assert.are.same(pack(3), pack(ch:clear()))
      assert.are.same({ 0, 0 }, { ch:count(), ch:clear() })
      assert.are.same(pack(nil, "timeout"), pack(ch:receive(0)))
      for i = 4, 6 do assert.is_true(ch:try_send(i)) end
      assert.are.same({ true, 4 }, { ch:receive(0) })
    end
  end)
end)

describe("close", function()
  it("leaves what is queued to be received, and takes no more", function()
    for _, capacity in ipairs { 2, false } do
      local ch = channel.new(capacity or nil)
      for i = 1, 2 do ch:send(i) end
      assert.are.same(pack(true), pack(ch:close()))
      assert.is_true(ch:closed())
      for _ = 1, 2 do
        assert.are.same(pack(nil, "closed"), pack(ch:send("late")))
        assert.are.same(pack(nil, "closed"), pack(ch:try_send("late")))
        assert.are.same(pack(nil, "closed"), pack(ch:timed_send(0, "late")))
        assert.are.same(pack(nil, "closed"), pack(ch:timed_send(nil, "late")))
        assert.are.same(pack(true), pack(ch:close()))
      end
      assert.are.equal(2, ch:count())
      for i = 1, 2 do assert.are.same({ true, i }, { ch:receive() }) end
      for _, timeout in ipairs { 0, 10, -1, math.huge } do
        assert.are.same(pack(nil, "closed"), pack(ch:receive(timeout)))
      end
      assert.are.same(pack(nil, "closed"), pack(ch:receive()))
      assert.are.same({ true, 0, 0 }, { ch:closed(), ch:count(), ch:clear() })
    end
  end)

  it("leaves what is queued to be cleared, too", function()
    local ch = full(3)
    ch:close()
    assert.are.equal(3, ch:clear())
    assert.are.same(pack(nil, "closed"), pack(ch:receive()))
  end)
end)

describe("a channel object", function()
  it("has a text that shows its name", function()
    local name = channels.name()
    local text = tostring(channel.new { name = name })
    assert.are.equal("channel (" .. name .. "): 0x", text:match("^(.*0x)%x+$"))
    assert.is_truthy(tostring(channel.new()):find("^channel.*: 0x%x+$"))
  end)

  it("is equal to the other handles of its channel only", function()
    local one, two = channel.new(), channel.new()
    two:send(one, two)
    local _, same_one, same_two = two:receive(0)
    assert.is_true(one == same_one and two == same_two)
    assert.is_false(one == two or one == same_two or same_one == two)
    assert.is_false(one == 1 or one == io.stdout)
  end)

  it("is asked for by every method", function()
    local methods = { "send", "try_send", "timed_send", "receive", "messages",
      "peek", "count", "capacity", "clear", "close", "closed", "name", "fd",
      "getfd", "pollfd", "dirty", "events", "timeout" }
    for _, method in ipairs(methods) do
      local t = { [method] = channel.new()[method] }
      for _, self in ipairs { 1, "x", {}, io.stdout, print } do
        local call = lua.load(("local t, self = ... local _ = t.%s(self)")
          :format(method))
        refuses(("bad argument #1 to '%s' (channel expected, got ")
          :format(method), function() call(t, self) end)
      end
    end
  end)
end)
