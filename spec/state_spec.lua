-- SPDX-License-Identifier: MIT
-- The state that a child runs in, and the stack of its thread.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local results = outcome.results

describe("the state of a child", function()
  it("has the standard libraries", function()
    local list = [[
      local names = {}
      for name in pairs(package.loaded) do names[#names + 1] = name end
      table.sort(names)
      ]]
    local fresh = proc.run(list .. "io.write(table.concat(names, ' '))")
    local found = results(list .. "return table.concat(names, ' ')")
    assert.are.equal(fresh, found)
    if lua.version == 5.4 then
      assert.are.equal(
        "_G coroutine debug io math os package string table utf8", found)
    end
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
          string.inherited, (debug.gethook())]=]):start():join())]]
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

  it("has its collector running", function()
    assert.is_true((results(lua.TOOLS .. [[
      local collected = false
      finalised(function() collected = true end)
      for i = 1, 10000000 do
        if collected then return true end
        garbage = { i }
      end
      return false]])))
    -- 5.1 does not tell.
    if lua.version >= 5.2 or lua.jit then
      assert.is_true((results [[return collectgarbage("isrunning")]]))
    end
  end)

  -- Before 5.4 there is no other, or no way to ask which it is.
  if lua.version >= 5.4 then
    it("has the incremental collector", function()
      assert.are.equal("incremental",
        (results [[return collectgarbage("incremental")]]))
    end)

    it("has the incremental collector under a generational parent", function()
      collectgarbage("generational")
      finally(function() collectgarbage("incremental") end)
      assert.are.equal("incremental",
        (results [[return collectgarbage("incremental")]]))
      assert.are.equal("generational", collectgarbage("generational"))
    end)

    it("has its warnings off, and can turn them on and off", function()
      local _, err = proc.run [[
        warn("@on")
        local new = require("llthreads2").new
        new("warn('unseen') warn('@on') warn('seen') warn('@off')"
          .. " warn('no longer')"):start():join()]]
      assert.are.equal("Lua warning: seen\n", err)
    end)

    it("closes to-be-closed variables before it is closed", function()
      local thread, link = sync.meet [[
        keep = setmetatable({}, { __gc = function() link:send("gc\n") end })
        local closed <close> = setmetatable({},
          { __close = function() link:send("close\n") end })
        return link:send("end\n")]]
      thread:join()
      assert.are.same({ "end", "close", "gc" },
        { (link:receive()), (link:receive()), (link:receive()) })
    end)
  end

  it("runs its code in the main coroutine, which cannot yield", function()
    local kind, main, yields, yieldable = results [[
      local running, main = coroutine.running()
      return type(running), main, pcall(coroutine.yield),
        coroutine.isyieldable and coroutine.isyieldable()]]
    assert.is_false(yields)
    if coroutine.isyieldable then assert.is_false(yieldable) end
    -- In 5.1 the main coroutine is nil.
    assert.are.same(lua.version >= 5.2 and { "thread", true } or { "nil" },
      { kind, main })
  end)

  it("collects at its end", function()
    local thread, link = sync.meet(lua.TOOLS .. [[
      keep = finalised(function() link:send("gc\n") end)
      return link:send("end\n")]])
    thread:join()
    assert.are.same({ "end", "gc" }, { (link:receive()), (link:receive()) })
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
    -- LuaJIT has preloads of its own.
    local preloads = [[
      local names = {}
      for name in pairs(package.preload) do names[#names + 1] = name end
      table.sort(names)
      names = table.concat(names, " ") ]]
    local code = preloads .. [[
      local new, depth, code = ...
      if depth == 0 then return names, "deepest" end
      local thread = new(code, new, depth - 1, code)
      assert(tostring(thread):find("^llthread: .* %(new%)$"))
      assert(thread:start() == thread)
      return select(2, thread:join())]]
    assert.are.same({ proc.run(preloads .. "io.write(names)"), "deepest" },
      { results(code, llthreads.new, 3, code) })
  end)
end)

describe("the C stack of a child", function()
  local MB = 1024 * 1024

  -- The address space that one waiting thread takes, in kilobytes.
  local function stack_size(limit)
    local out, err = proc.run([[
      local new = require("llthreads2").new
      local function size()
        local status = require("support.files").contents("/proc/self/status")
        return tonumber(status:match("VmSize:%s*(%d+)"))
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
      print((size() - before) / 20)
      for _, link in ipairs(links) do link:close() end
      for _, thread in ipairs(threads) do thread:join() end]],
      { prefix = "env MALLOC_ARENA_MAX=1 prlimit --stack=" .. limit .. ":" })
    return assert(tonumber(out), err)
  end

  -- Only differences are compared: a thread takes more than its stack, in a
  -- sanitized process much more.
  it("has the size that is the process's limit", function()
    local two, eight, forty = stack_size(2 * MB), stack_size(8 * MB),
      stack_size(40 * MB)
    assert.is_near(6 * 1024, eight - two, 1024)
    assert.is_near(32 * 1024, forty - eight, 1024)
  end)

  it("has 8 MB where the process has no limit", function()
    if proc.sanitizer() == "tsan" then
      pending("the sanitizer gives every process a limit")
    end
    assert.is_near(stack_size(8 * MB), stack_size("unlimited"), 1024)
  end)

  it("holds the deepest nesting of C calls that Lua allows", function()
    -- LuaJIT allows all, and overflows any stack.
    local depth, message = results([[
      local depth, limit = 0, ...
      local function nest()
        depth = depth + 1
        if depth == limit then error("enough") end
        return (("x"):gsub("x", nest))
      end
      local _, message = pcall(nest)
      return depth, message]], lua.jit and 250 or nil)
    assert.is_true(depth > 150)
    assert.is_truthy(message:find(lua.jit and "enough" or "C stack overflow", 1,
      true), message)
  end)
end)
