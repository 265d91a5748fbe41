-- SPDX-License-Identifier: MIT
-- Channels and memory: all of it is given back, and nothing is lost when
-- there is none.

local channel = require "llthreads2.channel"
local channels = require "spec.support.channels"
local memory = require "spec.support.memory"

describe("memory", function()
  it("of messages that are refused is given back", function()
    local ch = channel.new()
    local function lua_function() end
    assert.is_true(memory.is_given_back(pending, function()
      for _ = 1, 1000 do
        assert(not pcall(ch.send, ch, ("x"):rep(10000), ch, lua_function))
      end
    end))
  end)

  it("of channels and messages is given back", function()
    assert.is_true(memory.is_given_back(pending, function()
      for i = 1, 2000 do
        local ch = channel.new(i % 2 == 0 and 10 or nil)
        for k = 1, 10 do ch:send(k, ("x"):rep(500), { ch = channel.new() }) end
        for _ = 1, 5 do ch:receive(0) end
      end
    end))
  end)

  it("of messages between threads is given back", function()
    assert.is_true(memory.is_given_back(pending, function()
      local ch = channel.new()
      local thread = channels.start([[
        for _ in (...):messages() do end]], ch)
      for i = 1, 20000 do ch:send(i, { "some", "text", { i } }) end
      ch:close()
      channels.results(thread)
    end))
  end)
end)

describe("without memory", function()
  local function said(text)
    return memory.said_in_little(pending, text)
  end

  it("a send raises with nothing queued, and its room is free", function()
    local failures = ("false\tnot enough memory\t0\n"):rep(3)
    assert.are.equal(failures .. "true\n", said [[
      local ch = require("llthreads2.channel").new(1)
      local block, big = ("x"):rep(30000000), {}
      for i = 1, 10 do big[i] = block .. i end
      for _, call in ipairs { { ch.send, ch }, { ch.try_send, ch },
        { ch.timed_send, ch, 10 } } do
        call[#call + 1] = big
        local ok, problem = pcall(unpack(call))
        print(ok, problem, ch:count())
      end
      print(ch:try_send("fits"))]])
  end)

  it("what takes a message raises, and leaves it first in line", function()
    assert.are.equal(("false\ttrue\t3\n"):rep(5)
      .. "true\tfirst\ntrue\t40000000\ntrue\tlast\n", said [[
      local channel = require "llthreads2.channel"
      local ch = channel.new(4)
      for _, value in ipairs { "first", ("x"):rep(40000000), "last" } do
        ch:send(value, "extra")
      end
      local first = { ch:receive(0) }
      ch:send("after")
      local block, hoard = ("x"):rep(8000000), {}
      pcall(function()
        while true do hoard[#hoard + 1] = block .. #hoard end
      end)
      local loop = ch:messages()
      for _, call in ipairs { { ch.receive, ch }, { ch.receive, ch, 0 },
        { ch.peek, ch }, { channel.select, { ch } }, { loop } } do
        local ok, problem = pcall(unpack(call))
        print(ok, problem == "not enough memory", ch:count())
      end
      hoard = nil
      collectgarbage()
      print(first[1], first[2])
      local ok, text = ch:receive(0)
      print(ok, #text)
      print(ok, (select(2, ch:receive(0))))]])
  end)
end)
