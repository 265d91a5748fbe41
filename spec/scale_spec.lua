-- SPDX-License-Identifier: MIT
-- Many threads, and an operating system that refuses threads or memory.

local llthreads = require "llthreads2"
local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

describe("many threads", function()
  it("can be started together and joined: 1,000 of them", function()
    local threads = {}
    for i = 1, proc.scaled(1000) do
      threads[i] = llthreads.new("return ...", i)
    end
    for _, thread in ipairs(threads) do assert(thread:start()) end
    for i, thread in ipairs(threads) do
      local ok, result = thread:join()
      assert.is_true(ok, result)
      assert.are.equal(i, result)
    end
  end)

  it("can wait at the same time: 300 of them", function()
    local meetings = {}
    for i = 1, proc.scaled(300) do
      local thread, link = sync.meet("return (link:receive())")
      meetings[i] = { thread = thread, link = link }
    end
    for i = #meetings, 1, -1 do
      local thread, link = meetings[i].thread, meetings[i].link
      assert.is_true(thread:alive())
      link:send(i .. "\n")
      assert.are.same({ true, tostring(i) }, { thread:join() })
    end
  end)

  it("can be detached: 3,000 of them, which all run", function()
    local path, number = os.tmpname(), proc.scaled(3000)
    finally(function() os.remove(path) end)
    for i = 1, number do
      assert(llthreads.new([[
        local file = assert(io.open((...), "a"))
        file:write("x")
        file:close()]], path):start(true, i % 2 == 0))
    end
    assert.is_true(sync.eventually(function()
      return #files.contents(path) == number
    end))
  end)

  it("can create threads that create threads", function()
    local code = [[
      local code, breadth, depth = ...
      if depth == 0 then return 1 end
      local new = require("llthreads2").new
      local threads, sum = {}, 0
      for i = 1, breadth do
        threads[i] = new(code, code, breadth, depth - 1):start()
      end
      for _, thread in ipairs(threads) do
        local ok, leaves = thread:join()
        sum = sum + assert(ok and leaves)
      end
      return sum]]
    local breadth = proc.sanitizer() and 3 or 6
    assert.are.same({ true, breadth ^ 3 },
      { llthreads.new(code, code, breadth, 3):start():join() })
  end)

  it("can create threads at the same time from several threads", function()
    local creators, number = {}, proc.scaled(200)
    for i = 1, 4 do
      creators[i] = llthreads.new([[
        local new, sum = require("llthreads2").new, 0
        for i = 1, (...) do
          sum = sum + select(2, new("return ...", i):start():join())
          new("return ..."):start(i % 2 == 0, false)
        end
        return sum]], number):start()
    end
    for _, creator in ipairs(creators) do
      assert.are.same({ true, number * (number + 1) / 2 },
        { creator:join() })
    end
  end)

  it("can be made and thrown away without being started", function()
    for i = 1, proc.scaled(2000) do
      local thread = llthreads.new("return ...", i, { i })
      assert.is_false(thread:started())
    end
  end)
end)

-- What a program says that was run under a limit of the operating system.
local function said(text, prefix)
  local out, err, code = proc.run(text, { prefix = prefix })
  assert.are.same({ "", 0 }, { err, code }, out)
  local lines = {}
  for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return lines
end

describe("a start that the operating system refuses", function()
  -- Root is not limited in its number of threads, so another user tries.
  local LIMITED = "setpriv --reuid=%d --regid=%d --clear-groups "
    .. "prlimit --nproc=8"
  local lines

  -- Children that wait for the end of the server's connections are started
  -- until one is refused, and that one is started again after their end.
  local PROGRAM = lua.TOOLS .. [[
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
    local live = require("llthreads2.core").live
    local limit = os.time() + 10
    repeat collectgarbage() until live().threads == 0 or os.time() > limit
    print(live().threads, live().messages)]]

  local function try(flags)
    if proc.shell("id -u") ~= "0\n" then
      pending("needs another user's limits, which only root can ask for")
    end
    local user = 100000 + math.random(100000)
    lines = said(PROGRAM:format(flags), LIMITED:format(user, user))
  end

  it("returns nil and its message, and changes nothing", function()
    try("")
    local unstarted = "nil\tCan't join a thread that hasn't be started."
    local refusal = "nil\tResource temporarily unavailable"
    assert.are.same({ refusal, "true\tfalse\tfalse\tfalse", unstarted,
      unstarted, refusal, refusal, refusal }, { lua.unpack(lines, 1, 7) })
  end)

  it("can be repeated later with any flags", function()
    try("")
    assert.are.same({ "true\ttrue\tfalse\ttrue", "true\tran", "0\t0" },
      { lua.unpack(lines, 8) })
    try("false, false")
    assert.are.same({ "true\ttrue\tfalse\tfalse", "true\t0", "0\t0" },
      { lua.unpack(lines, 8) })
    try("true, true")
    assert.are.same({ "true\ttrue\ttrue\ttrue", "true\t0", "0\t0" },
      { lua.unpack(lines, 8) })
    try("true")
    assert.are.same({ "true\ttrue\ttrue\tfalse",
      "nil\tCan't join a thread that has been detached.", "0\t0" },
      { lua.unpack(lines, 8) })
  end)
end)

describe("without memory", function()
  local function try(text)
    if proc.sanitizer() then
      pending("a sanitizer's shadow memory exceeds any limit")
    end
    return said(text, "prlimit --as=500000000")
  end

  it("new raises an error, leaves nothing behind and works again", function()
    assert.are.same({ "false\tnot enough memory", "true\t7", "0\t0" }, try [[
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
    assert.are.same({ "false\ttrue", "true\t7" }, try [[
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
      assert.are.same({ "false", "true\t40000000", "nil\tjoined" }, try [[
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
