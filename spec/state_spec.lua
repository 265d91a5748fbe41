-- SPDX-License-Identifier: MIT
-- The state that a child runs in, and the code that `new` takes for it.

local llthreads = require "llthreads2"
local lua = require "spec.support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- The results of a child that must not fail.
local function results(code, ...)
  local all = lua.pack(llthreads.new(code, ...):start():join())
  assert.is_true(all[1], all[2])
  return lua.unpack(all, 2, all.n)
end

describe("the state of a child", function()
  it("has the standard libraries", function()
    assert.are.same({ "coroutine", "debug", "io", "math", "os", "package",
      "string", "table", "utf8" }, { results [[
      local names = {}
      for name in pairs(package.loaded) do
        if name ~= "_G" then names[#names + 1] = name end
      end
      table.sort(names)
      return lua.unpack(names)]] })
    assert.are.same({ true, true, true },
      { results [[return package.loaded._G == _G, package.loaded.io == io,
        ("x"):upper() == "X"]] })
  end)

  it("has the globals of a fresh interpreter and no others", function()
    local list = [[
      local names = {}
      for name in pairs(_G) do names[#names + 1] = name end
      table.sort(names)
      ]]
    local fresh = proc.run(list .. "io.write(table.concat(names, ' '))")
    fresh = fresh:gsub("arg ", "")
    assert.are.equal(fresh,
      (results(list .. "return table.concat(names, ' ')")))
  end)

  it("inherits nothing from its parent", function()
    local out, err = proc.run [[
      local new = require("llthreads2").new
      inherited = 1
      package.path = package.path .. ";/nowhere/?.lua"
      package.cpath = package.cpath .. ";/nowhere/?.so"
      package.preload.inherited = print
      package.loaded.inherited = true
      string.inherited = 1
      getmetatable("").__index.inherited = 2
      debug.sethook(function() end, "l")
      print(new([=[
        return inherited, package.path:find("/nowhere", 1, true),
          package.cpath:find("/nowhere", 1, true),
          package.preload.inherited, package.loaded.inherited,
          string.inherited, debug.gethook()]=]):start():join())]]
    assert.are.same({ "true\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n", "" },
      { out, err })
  end)

  it("reads the environment as a fresh interpreter does", function()
    local out = proc.run([[
      print((require("llthreads2").new("return package.path"):start():join()))
      print(package.path == select(2,
        require("llthreads2").new("return package.path"):start():join()))]])
    assert.are.equal("true\ntrue\n", out)
  end)

  it("has the incremental collector, running", function()
    assert.are.same({ "incremental", true },
      { results [[return collectgarbage("incremental"),
        collectgarbage("isrunning")]] })
  end)

  it("has the incremental collector under a generational parent", function()
    collectgarbage("generational")
    finally(function() collectgarbage("incremental") end)
    assert.are.equal("incremental",
      (results [[return collectgarbage("incremental")]]))
    assert.are.equal("generational", collectgarbage("generational"))
  end)

  it("has its warnings off, and can turn them on", function()
    local _, err = proc.run [[
      warn("@on")
      local new = require("llthreads2").new
      new("warn('unseen') warn('@on') warn('seen')"):start():join()]]
    assert.are.equal("Lua warning: seen\n", err)
  end)

  it("runs its code in the main coroutine, which cannot yield", function()
    assert.are.same({ true, false, "thread" }, { results [[
      local running, main = coroutine.running()
      return main, coroutine.isyieldable(), type(running)]] })
  end)

  it("closes to-be-closed variables and collects at its end", function()
    local thread, link = sync.meet [[
      keep = setmetatable({}, { __gc = function() link:send("gc\n") end })
      local closed <close> = setmetatable({},
        { __close = function() link:send("close\n") end })
      return link:send("end\n")]]
    thread:join()
    assert.are.same({ "end", "close", "gc" },
      { (link:receive()), (link:receive()), (link:receive()) })
  end)

  it("is one of its own for each thread", function()
    local code = "seen = (seen or 0) + 1 return seen"
    for _ = 1, 3 do assert.are.equal(1, (results(code))) end
  end)

  it("can require the library and make threads, at any depth", function()
    local code = [[
      local code, depth = ...
      if depth == 0 then return "deepest" end
      return select(2, require("llthreads2").new(code, code, depth - 1)
        :start():join())]]
    assert.are.equal("deepest", (results(code, code, 10)))
  end)

  it("can call a `new` it was given, without requiring anything", function()
    local code = [[
      local new, depth, code = ...
      if depth == 0 then return next(package.preload), "deepest" end
      local thread = new(code, new, depth - 1, code)
      assert(tostring(thread):find("^llthread: .* %(new%)$"))
      assert(thread:start() == thread)
      return select(2, thread:join())]]
    assert.are.same({ nil, "deepest" },
      { results(code, llthreads.new, 3, code) })
  end)
end)

describe("the C stack of a child", function()
  -- The address space that one waiting thread takes, in kilobytes.
  local function stack_size(limit)
    local out, err = proc.run([[
      local new = require("llthreads2").new
      local function size()
        local file <close> = assert(io.open("/proc/self/status"))
        return tonumber(file:read("a"):match("VmSize:%s*(%d+)"))
      end
      local server = assert(require("socket").bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      local threads, links = {}, {}
      local function add()
        threads[#threads + 1] = new([=[
          local link = require("socket").connect("127.0.0.1", (...))
          link:receive()]=], tonumber(port)):start()
        links[#links + 1] = assert(server:accept())
      end
      add()
      local before = size()
      for _ = 1, 20 do add() end
      print((size() - before) // 20)
      for _, link in ipairs(links) do link:close() end
      for _, thread in ipairs(threads) do thread:join() end]],
      { prefix = "env MALLOC_ARENA_MAX=1 prlimit --stack=" .. limit .. ":" })
    return assert(tonumber(out), err)
  end

  -- Only differences are compared: a thread takes more than its stack, in a
  -- sanitized process much more.
  it("has the size that is the process's limit", function()
    local two, eight, forty = stack_size(2 << 20), stack_size(8 << 20),
      stack_size(40 << 20)
    assert.is_near(6 * 1024, eight - two, 1024)
    assert.is_near(32 * 1024, forty - eight, 1024)
  end)

  it("has 8 MB where the process has no limit", function()
    if proc.sanitizer() == "tsan" then
      pending("the sanitizer gives every process a limit")
    end
    assert.is_near(stack_size(8 << 20), stack_size("unlimited"), 1024)
  end)

  it("holds the deepest nesting of C calls that Lua allows", function()
    local depth, message = results [[
      local depth = 0
      local function nest()
        depth = depth + 1
        return (("x"):gsub("x", nest))
      end
      local _, message = pcall(nest)
      return depth, message]]
    assert.is_true(depth > 150)
    assert.is_truthy(message:find("C stack overflow", 1, true), message)
  end)
end)
