-- SPDX-License-Identifier: MIT
-- What an interrupt does to a child that waits in join, and interrupts at every
-- moment of a thread's life. (What waits for a channel is in
-- channel_waiting_spec.lua.)

local llthreads = require "llthreads2"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local INTERRUPTED = llthreads.interrupted_error

describe("a child that waits in join", function()
  -- The child joins a grandchild that waits for a word from the spec.
  local START = sync.QUIET .. sync.THREAD_ID .. [[
    local port, timeout = select(2, ...)
    local grandchild = require("llthreads2").new(
      'local link = require("socket").connect("127.0.0.1", (...)) '
      .. 'link:settimeout(20) return link:receive()', port):start()
    link:send(thread_id() .. "\n")
  ]]
  local JOIN = [[
    local ok, message = pcall(grandchild.join, grandchild, timeout)
    link:send(tostring(ok) .. "\n")
    return message, grandchild:join()
  ]]
  local JOINER = START .. JOIN
  local LATE = "(function(...) " .. START .. "link:receive() " .. JOIN
    .. "end)"
  local IN_COROUTINE = "return coroutine.wrap" .. LATE .. "(...)"
  local IN_FINALISER = lua.TOOLS .. [[
    local arguments, results = { ... }, nil
    finalised(function() results = { ]] .. LATE .. [[(unpack(arguments)) } end)
    collectgarbage()
    return unpack(results)]]

  local function woken_by_interrupt(timeout)
    local door = sync.door()
    local thread, link = sync.meet(JOINER, nil, door.port, timeout)
    local grandchild_link = door:answer()
    assert.is_true(sync.asleep(tonumber(link:receive())))
    thread:interrupt()
    assert.are.equal("false", link:receive())
    grandchild_link:send("released\n")
    local results = lua.pack(thread:join())
    assert.is_truthy(tostring(results[2]):find(INTERRUPTED, 1, true))
    assert.are.same({ true, true, "released" },
      { results[1], results[3], results[4] })
  end

  it("is woken by an interrupt, and can join again", function()
    woken_by_interrupt(nil)
  end)

  it("with a timeout is woken by an interrupt, too", function()
    woken_by_interrupt(15000)
  end)

  local function does_not_fall_asleep(joiner)
    local door = sync.door()
    local thread, link = sync.meet(joiner, nil, door.port)
    local grandchild_link = door:answer()
    assert(link:receive())
    thread:interrupt()
    link:send("\n")
    assert.are.equal("false", link:receive())
    grandchild_link:send("released\n")
    local results = lua.pack(thread:join())
    assert.is_truthy(tostring(results[2]):find(INTERRUPTED, 1, true))
  end

  -- Where no interrupt is raised, only the wait itself can see it.
  it("does not fall asleep when an interrupt has come before", function()
    does_not_fall_asleep(IN_FINALISER)
  end)

  -- LuaJIT has one hook for all coroutines.
  if not lua.jit then
    it("does not do so in a coroutine that existed before, either", function()
      does_not_fall_asleep(IN_COROUTINE)
    end)
  end

  it("is woken by an interrupt that is persistent", function()
    local door = sync.door()
    local thread, link = sync.meet(JOINER, nil, door.port)
    local grandchild_link = door:answer()
    assert.is_true(sync.asleep(tonumber(link:receive())))
    thread:interrupt(true)
    -- The child fails, and its end waits for the grandchild.
    grandchild_link:send("released\n")
    local ok, message = thread:join()
    assert.is_false(ok)
    assert.is_truthy(message:find(INTERRUPTED, 1, true))
  end)
end)

describe("interrupts at any moment", function()
  -- In a process of its own, as a child that is interrupted before it has set
  -- a logger reports on stderr.
  local STRESS = [[
    local llthreads = require "llthreads2"
    local code = [=[
      local length, caught = ..., 0
      for _ = 1, 3 do
        if not pcall(function() for _ = 1, length do end end) then
          caught = caught + 1
        end
      end
      return caught]=]

    local ways = {
      function(thread) thread:interrupt() end,
      function(thread) thread:interrupt(true) end,
      function(thread) thread:interrupt(false) end,
      function(thread) thread:alive() end,
      function() for _ = 1, math.random(0, 2000) do end end,
    }

    local function disturb(thread)
      for _ = 1, math.random(0, 6) do ways[math.random(#ways)](thread) end
    end

    -- Every thread ends, and by nothing else than what was done to it.
    local function check(thread)
      local ok, result = thread:join(20000)
      if not ok then
        assert(result:find(llthreads.interrupted_error, 1, true), result)
      end
    end

    math.randomseed(tonumber(os.getenv("LLTHREADS2_SEED")))
    for _ = 1, 500 do
      local thread = llthreads.new(code, math.random(0, 20000))
      disturb(thread)
      thread:start(false, math.random(2) == 1)
      disturb(thread)
      check(thread)
      disturb(thread)
    end
    print("done")]]

  it("neither crash a thread nor keep it from its end", function()
    local seed = sync.seed()
    local out, err, code = proc.run(STRESS,
      { prefix = "env LLTHREADS2_SEED=" .. seed })
    assert.are.same({ "done\n", 0 }, { out, code }, "seed " .. seed .. err)
  end)

  it("reach the right one of many threads", function()
    local threads = {}
    for i = 1, 40 do
      local thread, link = sync.meet(sync.QUIET .. [[
        link:send("ready\n")
        link:receive()
        for _ = 1, 100000 do end
        return "undisturbed"]])
      assert.are.equal("ready", link:receive())
      threads[i] = { thread = thread, link = link }
      if i % 2 == 0 then thread:interrupt() end
    end
    for i, each in ipairs(threads) do
      each.link:send("\n")
      assert.are.equal(i % 2 == 1, (each.thread:join()))
    end
  end)
end)
