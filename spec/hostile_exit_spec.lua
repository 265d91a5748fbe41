-- SPDX-License-Identifier: MIT
-- Programs that end while their threads are at all that threads can be about,
-- and what their finalisers can still do.

local hostile = require "spec.support.hostile"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

local gives, gives_silently = hostile.gives, hostile.gives_silently

-- What a thread can be about that does not end; `...` is a channel that stays
-- empty and one that stays full.
local STATES = {
  "(...):receive()", "(...):receive(1e6)", "select(2, ...):send(1)",
  "select(2, ...):timed_send(1e6, 1)", "for _ in (...):messages() do end",
  "require('llthreads2.channel').select({ (...), (...) })",
  "require('llthreads2.channel').select({ (...) }, 1e6)",
  "require('llthreads2').new('(...):receive()', (...)):start():join()",
  "require('llthreads2').new('(...):receive()', (...)):start():join(1e6)",
  "while true do end",
  "while true do (...):receive(0) end",
  "while true do require('llthreads2').new(''):start():join() end",
}

local START = [[
local empty, full, ready = channel.new(), channel.new(1), channel.new()
full:send(1)
for _, code in ipairs {
  "]] .. table.concat(STATES, '",\n  "') .. [["
} do
  for _, joinable in ipairs { false, true } do
    kept = { kept, new("select(3, ...):send(); " .. code, empty, full, ready)
      :start(DETACHED, joinable) }
    assert(ready:receive(20000))
  end
end
]]

describe("a program with threads that do not end", function()
  local DETACHED = START:gsub("DETACHED", "true")

  it("ends when they are detached", function()
    gives_silently("", 0, DETACHED)
    -- Which starts threads a hundred times more slowly.
    if proc.sanitizer() == "tsan" then return end
    gives_silently("", 3, DETACHED .. "os.exit(3, true)")
    gives_silently("", 4, DETACHED .. "os.exit(4)")
    local err = gives("", 1, DETACHED .. "error('the end')")
    assert.is_truthy(err:find("the end", 1, true))
  end)

  it("ends by os.exit of any thread", function()
    local attached = START:gsub("DETACHED", "false")
    for _, close in ipairs { "true", "false" } do
      gives_silently("", 5, attached .. ("new('os.exit(5, %s)'):start():join()")
        :format(close))
      gives_silently("", 6, DETACHED
        .. ("new('os.exit(6, %s)'):start(true) empty:receive()"):format(close))
      if proc.sanitizer() == "tsan" then return end
    end
    gives_silently("", 7, attached .. "os.exit(7)")
  end)
end)

describe("attached threads", function()
  -- They begin to wait, and the program ends. The one that is started last
  -- then gives them what they wait for.
  it("get what they wait for after the end of the program's own code",
    function()
      gives_silently(("got"):rep(6), 0, [[
        local empty, full, ready = channel.new(), channel.new(1), channel.new()
        full:send(1)
        for _, code in ipairs {
          "(...):receive()", "(...):receive(1e6)",
          "for _ in (...):messages() do break end",
          "require('llthreads2.channel').select({ (...) })",
          "select(2, ...):send(1)",
          "require('llthreads2').new('(...):receive()', (...)):start():join()",
        } do
          kept = { kept, new("select(3, ...):send(); " .. code
            .. " io.write('got')", empty, full, ready):start() }
          ready:receive()
        end
        last = new([=[
          local empty, full = ...
          for _ = 1, 3000000 do end
          for _ = 1, 5 do empty:send() end
          full:receive()
        ]=], empty, full):start()]])
    end)

  it("end each other in a chain", function()
    gives_silently("12345", 0, [[
      local code = [=[
        local new, code, left, before = ...
        local ch = require("llthreads2.channel").new()
        if left > 1 then
          new(code, new, code, left - 1, ch):start()
          ch:receive()
        end
        io.write(left)
        if before then before:send() end]=]
      new(code, new, code, 5):start()]])
  end)
end)

describe("finalisers that run when a state is closed", function()
  -- In 5.1 a finaliser may collect garbage, and when a state is closed this
  -- calls the finalisers of all objects that are left, whoever uses them.
  local STOP = lua.name == "Lua 5.1" and "collectgarbage('stop')" or ""

  local WORK = lua.TOOLS .. [[
    local llthreads = require "llthreads2"
    local channel = require "llthreads2.channel"
    local ch, told = channel.new(), ...
    for i = 1, 3 do ch:send(i, channel.new()) end
    local before = llthreads.new("return 1"):start()
    keep = finalised(function() ]] .. STOP .. [[

      local own = channel.new(1)
      own:send({ own }, ("x"):rep(100000))
      assert(#select(3, own:receive()) == 100000)
      assert(select(2, channel.select({ own }, 0)) == "timeout"
        or not channel.select({ own }, 0))
      assert(own:timed_send(1, 1) and own:close() and own:clear() == 1)
      local long = ("x"):rep(1000000)
      local ok, length = llthreads.new("return #...", long):start():join()
      assert(ok and length == #long)
      -- Made after them, these have been finalised.
      assert(not pcall(ch.receive, ch) and not pcall(before.join, before))
      for i = 1, 5 do
        llthreads.new("for _ = 1, 100000 do end return #..., (...):byte(-1)",
          long .. i, own):start()
        llthreads.new("for _ = 1, 100000 do end return #..., (...):byte(-1)",
          long .. i, own):start(true, i % 2 == 0)
        llthreads.new("", long .. i)
      end
      channel.new { name = "left behind" .. tostring(own) }
      told:send("fine")
    end)
    -- The order in which these are finalised is the opposite one.
    ch, before = channel.new(), llthreads.new("return 1"):start()
  ]]

  it("can use everything, in the main state and in others", function()
    gives_silently("", 0, "local load = loadstring or load "
      .. "load([==[" .. WORK .. "]==])(channel.new())")
    gives_silently("fine\nfine\n0\n", 0, sync.SETTLED
      .. "local work = [==[" .. WORK .. [=[]==]
      local told = channel.new()
      assert(new(work, told):start():join())
      print(select(2, told:receive(20000)))
      assert(new(work, told):start(true))
      print(select(2, told:receive(20000)))
      told = nil
      print(settled().threads)]=])
  end)

  it("can be those of the library's own objects, in any order", function()
    gives_silently("", 0, lua.TOOLS .. [[
      for i = 1, 200 do
        local ch = channel.new()
        ch:send(ch, channel.new())
        local thread = new("return (...):peek()", ch)
        if i % 2 == 0 then thread:start(i % 3 == 0, i % 5 == 0) end
        kept = { kept, ch, thread, finalised(function()
          for _, object in ipairs { ch, thread } do
            pcall(debug.getmetatable(object).__gc, object)
            pcall(tostring, object)
            pcall(object.join or object.receive, object, 0)
          end
        end) }
      end]])
  end)

  it("can take the finalisers of the library's objects away", function()
    gives_silently("made\n", 0, lua.TOOLS .. [[
      local ch = channel.new()
      keep = finalised(function()
        debug.getmetatable(ch).__gc = nil
        made = channel.new()
        io.write("made\n")
      end)]])
  end)
end)
