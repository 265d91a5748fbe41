-- SPDX-License-Identifier: MIT
-- Channels: made, found, looked at, closed.

local add = ...

add("channel.new", function(h)
  local channel = require "llthreads2.channel"
  return {
    run = function() return channel.new() end,
    passed = function(ch)
      h.equal(0, ch:count())
      h.equal(math.huge, ch:capacity())
    end,
  }
end)

add("channel.new with a capacity and a name", function(h)
  local channel = require "llthreads2.channel"
  local name = ("name"):rep(20)
  return {
    before = h.collect,
    run = function() return channel.new { capacity = 3, name = name } end,
    passed = function(ch)
      h.equal(3, ch:capacity())
      h.equal(name, ch:name())
      h.equal(ch, channel.get(name))
    end,
    failed = function()
      h.collect()
      h.values({ nil, "not found" }, nil, select(2, channel.get(name)))
    end,
    after = function()
      h.collect()
      h.equal(nil, (channel.get(name)), "a name that is free")
    end,
  }
end)

add("channel.new refuses", function(h)
  local channel = require "llthreads2.channel"
  local taken = channel.new { name = "taken" }
  return {
    run = function()
      local _, one = pcall(channel.new, { name = "taken" })
      local _, two = pcall(channel.new, 0)
      local _, three = pcall(channel.new, { colour = "red" })
      local _, four = pcall(channel.get, 5)
      return one, two, three, four
    end,
    passed = function(...)
      local texts = {
        "bad argument #1 to 'new' (a channel named 'taken' exists)",
        "bad argument #1 to 'new' (capacity: integer of 1 or more expected, "
          .. "got 0)",
        "bad argument #1 to 'new' (unknown option 'colour')",
        "bad argument #1 to 'get' (string expected, got number)",
      }
      h.texts(texts, ...)
      h.equal(taken, channel.get "taken")
    end,
  }
end)

add("channel.get", function(h)
  local channel = require "llthreads2.channel"
  local ch = channel.new { name = "x" }
  return {
    run = function() return channel.get "x", channel.get "y" end,
    passed = function(x, y, why)
      h.equal(ch, x)
      h.values({ "not found" }, why)
      h.equal(nil, y)
    end,
  }
end)

add("channel: what only looks", function(h)
  local channel = require "llthreads2.channel"
  local ch = channel.new { name = "looked at", capacity = 5 }
  ch:send(1)
  local copy = channel.get "looked at"
  return {
    run = function()
      return channel.is(ch), ch:count(), #ch, ch:capacity(), ch:name(),
        tostring(ch), ch == copy, ch:closed(), ch:dirty(), ch:events(),
        ch:timeout()
    end,
    passed = function(is, count, length, capacity, name, text, same, closed,
        dirty, events, timeout)
      h.values({ true, 1, 1, 5, "looked at", true, false, false, "r" }, is,
        count, length, capacity, name, same, closed, dirty, events)
      assert(text:find "^channel %(looked at%): 0x" and timeout == nil)
    end,
  }
end)

add("channel.is, close, clear", function(h)
  local channel = require "llthreads2.channel"
  local ch
  return {
    before = function()
      ch = channel.new()
      for i = 1, 5 do ch:send(i, ch) end
    end,
    run = function()
      return channel.is(ch), channel.is "x", ch:clear(), ch:close(),
        ch:closed(), ch:clear()
    end,
    passed = function(...) h.values({ true, false, 5, true, true, 0 }, ...) end,
    after = function() ch = nil end,
  }
end)

add("fd", function(h)
  local channel = require "llthreads2.channel"
  local ch
  return {
    before = function()
      ch = nil
      h.collect()
      ch = channel.new()
      ch:send "message"
    end,
    run = function() return ch:fd(), ch:getfd(), ch:pollfd() end,
    passed = function(fd, get, poll)
      h.values({ fd, fd }, get, poll)
      h.values({ true, "message" }, ch:receive(0))
    end,
    failed = function()
      h.equal(1, ch:count())
      h.equal("number", type(ch:fd()))
    end,
    after = function() ch = nil end,
    texts = { "no descriptor for the channel: Too many open files$" },
  }
end)
