-- SPDX-License-Identifier: MIT
-- The thread object as a Lua value, and what its methods say when misused.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local proc = require "spec.support.proc"

-- Whom a userdata's __name is told to: since 5.3 Lua itself, for its own files
-- as well.
local function named(own)
  return lua.version >= 5.3 and own or "userdata"
end

local METHODS = { "start", "join", "alive", "started", "detached", "joinable",
  "interrupt" }

describe("a thread object", function()
  it("is a userdata that is indexed for its methods", function()
    local thread = llthreads.new("")
    assert.are.equal("userdata", type(thread))
    for _, name in ipairs(METHODS) do
      assert.are.equal("function", type(thread[name]), name)
    end
    assert.is_nil(thread.nothing)
    assert.is_nil(thread[1])
  end)

  it("cannot be assigned to", function()
    local thread = llthreads.new("")
    assert.is_false(pcall(function() thread.field = 1 end))
    assert.is_false(pcall(function() thread.join = print end))
    assert.are.equal("function", type(thread.join))
  end)

  it("has a name of its own in error messages", function()
    local thread = llthreads.new("")
    assert.are.equal("bad argument #1 to 'rep' "
      .. ("(string expected, got %s)"):format(named "llthread"),
      outcome.problem(function() local _ = string.rep(thread) end))
  end)

  it("shows its address as a string, which it keeps for life", function()
    local thread = llthreads.new("")
    local address = tostring(thread):match("^llthread: (0x%x+) %(new%)$")
    assert.is_string(address)
    thread:start():join()
    assert.are.equal(("llthread: %s (joined)"):format(address),
      tostring(thread))
    local other = llthreads.new("")
    assert.are_not.equal(tostring(other):match("0x%x+"), address)
  end)

  it("is equal to nothing but itself", function()
    local one, two = llthreads.new(""), llthreads.new("")
    assert.is_true(one == one)
    assert.is_false(one == two)
    assert.are.equal(2, ({ [one] = 1, [two] = 2 })[two])
  end)

  it("raises nothing when it is collected, in any state", function()
    local out, err, code = proc.run([[
      -- Since 5.4 an error in a finaliser is reported as a warning.
      if warn then warn("@on") end
      local new = require("llthreads2").new
      local quiet = 'require("llthreads2").set_logger(function() end) '
      for _, program in ipairs { "", "return 1", quiet .. "error('no')" } do
        new(program)
        new(program):start()
        new(program):start():join()
        new(program):start(false, false)
        new(program):start(true)
        new(program):start(true, true)
        new(program):interrupt(true)
        collectgarbage()
        collectgarbage()
      end
      print("done")]])
    assert.are.same({ "done\n", "", 0 }, { out, err, code })
  end)
end)

describe("a method", function()
  it("demands a thread and says what it got instead", function()
    local thread = llthreads.new("")
    for _, name in ipairs(METHODS) do
      local call = lua.load(("local _ = (...).%s(select(2, ...))"):format(name))
      local function says(got, ...)
        assert.are.equal(("bad argument #1 to '%s' (llthread expected, got %s)")
          :format(name, got), outcome.problem(call, thread, ...))
      end
      says("nil", nil)
      says("no value")
      says("table", {})
      says("number", 1)
      says(named "FILE*", io.stdout)
    end
  end)

  it("says so of an object that only has the methods of a thread", function()
    local impostor = setmetatable({}, { __index = llthreads.new("") })
    assert.are.equal(
      "calling 'join' on bad self (llthread expected, got table)",
      outcome.problem(function() local _ = impostor:join() end))
    assert.are.equal("bad argument #1 to 'join' (llthread expected, got table)",
      outcome.problem(function() local _ = impostor.join(impostor) end))
  end)
end)

describe("new", function()
  it("refuses code that is not a string", function()
    local function says(got, ...)
      local arguments = lua.pack(...)
      assert.are.equal("bad argument #1 to 'new' (string expected, got "
        .. got .. ")", outcome.problem(function()
          local _ = llthreads.new(lua.unpack(arguments, 1, arguments.n))
        end))
    end
    says("nil", nil)
    says("no value")
    says("table", {})
    says("boolean", true)
    says("function", print)
    says(named "FILE*", io.stdout)
    says("llthread", llthreads.new(""))
  end)

  it("refuses bad code before bad arguments", function()
    assert.are.equal("bad argument #1 to 'new' (string expected, got nil)",
      outcome.problem(function() local _ = llthreads.new(nil, io.stdout) end))
  end)
end)
