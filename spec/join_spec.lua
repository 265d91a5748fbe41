-- SPDX-License-Identifier: MIT
-- The timeouts of `join`, in milliseconds on the monotonic clock.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- Waits for a word, then does some work before its end, so that a join that
-- does not wait is found out.
local BUSY_ENDING = [[
link:receive()
for _ = 1, 3000000 do end
return "result"]]

local function timed_join(thread, timeout)
  return sync.timed(thread.join, thread, timeout)
end

local function let_go(thread, link)
  link:send("\n")
  assert.are.same({ true, "result" }, { thread:join() })
end

describe("join with a timeout", function()
  local TIMEOUT = { nil, "timeout", n = 2 }

  it("of 0 only looks", function()
    local thread, link = sync.meet(BUSY_ENDING)
    for _, zero in ipairs { 0, 0.0, -0.0, "0" } do
      local seconds, results = timed_join(thread, zero)
      assert.are.same(TIMEOUT, results)
      assert.is_true(seconds < 1)
    end
    let_go(thread, link)
  end)

  local function expires_in_time(timeouts)
    local thread, link = sync.meet(BUSY_ENDING)
    for _, timeout in ipairs(timeouts) do
      local seconds, results = timed_join(thread, timeout)
      assert.are.same(TIMEOUT, results)
      assert.is_true(seconds >= timeout / 1000, seconds)
      assert.is_true(seconds < timeout / 1000 + 2, seconds)
    end
    let_go(thread, link)
  end

  it("that expires says so after that time and not much later", function()
    expires_in_time { 1, 30, 100 }
  end)

  it("may be a fraction of a millisecond", function()
    expires_in_time { 1e-9, 0.25, 0.5, 1.75, 20.5 }
  end)

  it("may expire many times before the thread ends", function()
    local thread, link = sync.meet(BUSY_ENDING)
    for _ = 1, 200 do
      assert.are.same(TIMEOUT, lua.pack(thread:join(0.1)))
    end
    let_go(thread, link)
  end)

  it("that is huge, negative or nil waits until the thread ends", function()
    for _, timeout in ipairs { math.huge, 1e300, 2.0 ^ 63, -1, -0.5, -math.huge,
      "nil", math.maxinteger, math.mininteger } do
      local thread, link = sync.meet(BUSY_ENDING)
      if timeout == "nil" then timeout = nil end
      link:send("\n")
      assert.are.same({ true, "result" }, { thread:join(timeout) })
    end
  end)

  it("that is long ends with the thread", function()
    local thread, link = sync.meet(BUSY_ENDING)
    link:send("\n")
    local seconds, results = timed_join(thread, 60000)
    assert.are.same({ true, "result", n = 2 }, results)
    assert.is_true(seconds < 30)
  end)

  it("holds for threads that close their own state, too", function()
    for _, flags in ipairs { { false, false }, { true, true } } do
      local thread, link = sync.meet(BUSY_ENDING, flags)
      local seconds, results = timed_join(thread, 10)
      assert.are.same(TIMEOUT, results)
      assert.is_true(seconds >= 0.01)
      link:send("\n")
      assert.are.same({ true, 0 }, { thread:join(60000) })
    end
  end)
end)

describe("a bad timeout", function()
  local BAD = { 0 / 0, "", "1", "-1", "0.0", "0x0", " 0", "nan", "forever",
    true, false, {}, print, io.stdout }

  local function is_refused(thread, timeout)
    local ok, message = pcall(function()
      local results = lua.pack(thread:join(timeout))
      return results
    end)
    assert.is_false(ok, tostring(timeout) .. " was taken")
    assert.is_truthy(message:find("bad argument #1 to 'join' (", 1, true),
      message)
  end

  it("is an argument error and changes nothing", function()
    local thread, link = sync.meet(BUSY_ENDING)
    for _, timeout in ipairs(BAD) do is_refused(thread, timeout) end
    is_refused(thread, thread)
    let_go(thread, link)
  end)

  it("is an argument error in every state of the thread", function()
    local thread = llthreads.new("")
    is_refused(thread, "forever")
    thread:start():join()
    is_refused(thread, "forever")
    is_refused(llthreads.new(""):start(true), "forever")
  end)
end)

describe("the results of a thread", function()
  it("stay for join after alive has said that it is over", function()
    local thread = llthreads.new("return 1, nil, { 'three' }, nil"):start()
    assert.is_true(sync.eventually(function()
      return thread:alive() == false
    end))
    sync.collect()
    assert.are.same({ true, 1, nil, { "three" }, nil, n = 5 },
      lua.pack(thread:join(0)))
  end)

  it("are found by a join that polls", function()
    local thread, link = sync.meet(BUSY_ENDING)
    link:send("\n")
    local results
    assert.is_true(sync.eventually(function()
      results = lua.pack(thread:join(0))
      return results[1] ~= nil
    end))
    assert.are.same({ true, "result", n = 2 }, results)
  end)
end)

describe("the end of a thread", function()
  -- A lost wake-up would show as a join that sleeps on although the thread
  -- has ended: it would expire, or be late by far.
  it("wakes a join at any moment of either side", function()
    local seed = sync.seed()
    local slowest = 0
    for round = 1, proc.scaled(1500) do
      local thread = llthreads.new([[
        for _ = 1, (...) do end
        return "result"]], math.random(0, 20000)):start()
      for _ = 1, math.random(0, 5000) do end
      local timeout = round % 2 == 0 and 20000 or nil
      local seconds, results = timed_join(thread, timeout)
      slowest = math.max(slowest, seconds)
      assert.are.same({ true, "result", n = 2 }, results, "seed " .. seed)
    end
    assert.is_true(slowest < 5, ("seed %d: %g s"):format(seed, slowest))
  end)

  it("wakes a join whose timeout is about to expire", function()
    local seed = sync.seed()
    for _ = 1, proc.scaled(300) do
      local thread = llthreads.new([[
        for _ = 1, (...) do end
        return "result"]], math.random(0, 40000)):start()
      local first = lua.pack(thread:join(math.random() * 0.4))
      local results = first[1] and first or lua.pack(thread:join(20000))
      assert.are.same({ true, "result", n = 2 }, results, "seed " .. seed)
    end
  end)
end)
