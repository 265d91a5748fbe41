-- SPDX-License-Identifier: MIT
-- Many threads: at once, one in the other, detached, and never started.

local llthreads = require "llthreads2"
local files = require "support.files"
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
