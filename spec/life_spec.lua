-- SPDX-License-Identifier: MIT
-- The life of a thread: its start, its four kinds, what each method answers
-- in each state, who closes the child's state and what its collection does.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local sync = require "spec.support.sync"

local NOT_STARTED = "Can't join a thread that hasn't be started."
local DETACHED = "Can't join a thread that has been detached."
local JOINED = "Can't join a thread that has already been joined."

-- A child that says who runs it, waits for a word, and whose state says who
-- closes it. The finaliser is made after the link, so it runs before the
-- link is closed. Between the word and its end it has work to do, so that who
-- does not wait for it is found out.
local WITNESS = sync.THREAD_ID .. lua.TOOLS .. [[
link:send(thread_id() .. "\n")
keep = finalised(function() link:send(thread_id() .. "\n") end)
link:receive()
for _ = 1, 2000000 do end
return "result"]]

local function finished(thread)
  return sync.eventually(function() return not thread:alive() end)
end

-- Starts a witness; returns the thread, the link and the child's thread id.
local function witness(...)
  local thread, link = sync.meet(WITNESS, lua.pack(...))
  return thread, link, assert(link:receive())
end

-- The same with the only reference to the thread in a table, so that it can be
-- dropped.
local function held_witness(...)
  local thread, link, child = witness(...)
  return { thread = thread }, link, child
end

local function kind(thread)
  return { thread:started(), thread:detached(), thread:joinable() }
end

local function state(thread)
  return tostring(thread):match("^llthread: 0x%x+ %((%l+)%)$")
end

-- The four kinds, by the flags of start: what two of them have in common.

local function joins_without_values(...)
  local thread, link, child = witness(...)
  assert.are.same({ true, ... }, kind(thread))
  link:send("\n")
  assert.are.same({ true, 0, n = 2 }, lua.pack(thread:join()))
  assert.are.equal(child, sync.heard(link))
end

local function goes_on_when_collected(...)
  local held, link, child = held_witness(...)
  held.thread = nil
  sync.collect()
  assert.is_nil(sync.heard(link))
  link:send("\n")
  assert.are.equal(child, link:receive())
end

describe("start", function()
  local FLAGS = { -- what is passed to start, then detached and joinable
    { { n = 0 }, false, true },
    { { n = 1 }, false, true },
    { { false, n = 1 }, false, true },
    { { true, n = 1 }, true, false },
    { { 0, n = 1 }, true, false },
    { { "", n = 1 }, true, false },
    { { {}, n = 1 }, true, false },
    { { n = 2 }, false, false },
    { { false, nil, n = 2 }, false, false },
    { { true, nil, n = 2 }, true, false },
    { { false, false, n = 2 }, false, false },
    { { false, true, n = 2 }, false, true },
    { { nil, 0, n = 2 }, false, true },
    { { true, false, n = 2 }, true, false },
    { { true, true, n = 2 }, true, true },
    { { "yes", "no", n = 2 }, true, true },
  }

  it("takes any true value for true, but an explicit nil for false", function()
    for row, flags in ipairs(FLAGS) do
      local thread = llthreads.new("")
      thread:start(lua.unpack(flags[1], 1, flags[1].n))
      assert.are.same({ true, flags[2], flags[3] }, kind(thread), "row " .. row)
    end
  end)

  it("returns the thread itself", function()
    local thread = llthreads.new("")
    local results = lua.pack(thread:start())
    assert.are.same({ 1, thread }, { results.n, results[1] })
  end)

  it("works once, whatever has become of the thread", function()
    local function refuses(thread)
      for _, flags in ipairs { {}, { true }, { false, false } } do
        assert.are.same({ nil, "Thread already started.", n = 2 },
          lua.pack(thread:start(lua.unpack(flags))))
      end
    end
    local thread, link = witness()
    refuses(thread)
    link:send("\n")
    assert.is_true(finished(thread))
    refuses(thread)
    thread:join()
    refuses(thread)
    refuses(llthreads.new(""):start(true))
    assert.are.same({ true, false, true }, kind(thread))
  end)
end)

describe("a thread that is attached and joinable", function()
  it("is closed by its parent, in join", function()
    local thread, link = witness()
    link:send("\n")
    assert.is_true(finished(thread))
    assert.is_nil(sync.heard(link))
    assert.are.same({ true, "result" }, { thread:join() })
    assert.are.equal(sync.thread_id(), tonumber(sync.heard(link)))
  end)

  it("is waited for and closed by its parent when it is collected", function()
    local held, link, child = held_witness(false, true)
    assert.are_not.equal(sync.thread_id(), tonumber(child))
    link:send("\n")
    held.thread = nil
    sync.collect()
    assert.are.equal(sync.thread_id(), tonumber(sync.heard(link)))
  end)
end)

describe("a thread that is attached and not joinable", function()
  it("joins without values, closed by itself before that", function()
    joins_without_values(false, false)
  end)

  it("is closed by itself at its end, joined or not", function()
    local thread, link, child = witness(false, false)
    link:send("\n")
    assert.are.equal(child, link:receive())
    assert.is_true(thread:join())
  end)

  it("is waited for when it is collected", function()
    local held, link, child = held_witness(false, false)
    link:send("\n")
    held.thread = nil
    sync.collect()
    assert.are.equal(child, sync.heard(link))
  end)
end)

describe("a thread that is detached and not joinable", function()
  it("cannot be joined and closes itself", function()
    local thread, link, child = witness(true)
    assert.are.same({ nil, DETACHED, n = 2 }, lua.pack(thread:join()))
    link:send("\n")
    assert.are.equal(child, link:receive())
    assert.are.same({ nil, DETACHED, n = 2 }, lua.pack(thread:join()))
  end)

  it("goes on when its object is collected, without a wait", function()
    goes_on_when_collected(true, false)
  end)
end)

describe("a thread that is detached and joinable", function()
  it("joins without values, closed by itself before that", function()
    joins_without_values(true, true)
  end)

  it("is detached when its object is collected, without a wait", function()
    goes_on_when_collected(true, true)
  end)
end)

describe("a thread that was never started", function()
  it("runs nothing when it is collected", function()
    local door = sync.door()
    local held = { thread = llthreads.new(sync.LINK, door.port) }
    assert.is_false(held.thread:started())
    held.thread = nil
    sync.collect()
    assert.is_true(door:is_quiet())
  end)
end)

describe("join and alive", function()
  local function answers(thread)
    return { join = lua.pack(thread:join(0)),
      alive = lua.pack(thread:alive()) }
  end

  local function both(text)
    local row = { nil, text, n = 2 }
    return { join = row, alive = row }
  end

  it("refuse a thread that is not started", function()
    local thread = llthreads.new("")
    assert.are.same(both(NOT_STARTED), answers(thread))
    assert.are.same({ nil, NOT_STARTED }, { thread:join() })
    assert.are.same({ false, false, false }, kind(thread))
    assert.are.equal("new", state(thread))
  end)

  it("say that a running thread runs, again and again", function()
    for _, flags in ipairs { { false, true }, { false, false },
      { true, true } } do
      local thread, link = witness(lua.unpack(flags))
      for _ = 1, 3 do
        assert.are.same({ join = { nil, "timeout", n = 2 },
          alive = { true, n = 1 } }, answers(thread))
      end
      assert.are.same({ true, flags[1], flags[2] }, kind(thread))
      link:send("\n")
      assert.is_true(thread:join())
    end
  end)

  it("find a finished thread dead with its values still there", function()
    local thread, link = witness()
    assert.are.equal("running", state(thread))
    link:send("\n")
    assert.is_true(finished(thread))
    assert.are.equal("finished", state(thread))
    assert.are.same({ true, false, true }, kind(thread))
    for _ = 1, 3 do assert.are.same({ false }, { thread:alive() }) end
    assert.are.same({ true, "result", n = 2 }, lua.pack(thread:join(0)))
  end)

  it("find a failed thread dead with its error still there", function()
    local thread = llthreads.new(sync.QUIET .. "error('told', 0)"):start()
    assert.is_true(finished(thread))
    assert.are.equal(false, thread:alive())
    local ok, message = thread:join(0)
    assert.is_false(ok)
    assert.are.equal(1, message:find("Error from child thread: told\n"))
  end)

  it("refuse a joined thread, which stays joinable", function()
    for _, flags in ipairs { { false, true }, { false, false },
      { true, true } } do
      local thread = llthreads.new("return 1"):start(lua.unpack(flags))
      assert.is_true(thread:join())
      assert.are.same(both(JOINED), answers(thread))
      assert.are.same({ nil, JOINED }, { thread:join() })
      assert.are.same({ true, flags[1], flags[2] }, kind(thread))
      assert.are.equal("joined", state(thread))
    end
  end)

  it("refuse a detached thread, running or not", function()
    local thread, link = witness(true)
    assert.are.same(both(DETACHED), answers(thread))
    assert.are.equal("detached", state(thread))
    assert.are.same({ true, true, false }, kind(thread))
    link:send("\n")
    assert(link:receive())
    assert.are.same(both(DETACHED), answers(thread))
    assert.are.same({ true, true, false }, kind(thread))
  end)

  it("know that a thread whose state is its own has ended", function()
    for _, flags in ipairs { { false, false }, { true, true } } do
      local thread = llthreads.new(""):start(lua.unpack(flags))
      assert.is_true(finished(thread))
      assert.are.same({ true, 0 }, { thread:join(0) })
    end
  end)
end)
