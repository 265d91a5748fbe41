-- SPDX-License-Identifier: MIT
-- The code that `new` takes: source or bytecode, and its errors, which are
-- those of `load`, raised by `new` itself.

local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local results = outcome.results

-- The message of a failing chunk, without prefix and traceback.
local function failure(code)
  local ok, message = llthreads.new(code):start():join()
  assert.is_false(ok)
  return message:match("^Error from child thread: (.-)\nstack traceback:")
end

-- A syntax error, and what every Lua says about it.
local BAD = "x = ="
local BAD_IN_WORDS = "[string \"x = =\"]:1: unexpected symbol near '='"

-- What `new` raises for bad code.
local function raised(code)
  return outcome.raised(llthreads.new, code)
end

describe("code", function()
  it("may be empty, or nothing but space and comments", function()
    for _, code in ipairs { "", " ", "\n", "-- nothing" } do
      assert.are.equal(0, select("#", results(code)))
    end
    -- In 5.1 there are no empty statements.
    if lua.version >= 5.2 then
      assert.are.equal(0, select("#", results(";")))
    end
  end)

  it("may contain NULs", function()
    assert.are.equal("a\0b", (results("return 'a\0b'")))
  end)

  it("may be long", function()
    local code = "local x = 0\n" .. ("x = x + 1\n"):rep(50000) .. "return x"
    assert.are.equal(50000, (results(code)))
  end)

  it("may be bytecode, also when it is stripped", function()
    local function chunk(...) return select("#", ...), ... end
    for _, strip in ipairs { false, true } do
      assert.are.same({ 2, "a", "b" },
        { results(string.dump(chunk, strip), "a", "b") })
    end
  end)

  it("as bytecode sees the globals of the child", function()
    local dumped = string.dump(lua.load(
      "return _G == (_ENV or getfenv(1)), type(print)"))
    assert.are.same({ true, "function" }, { results(dumped) })
  end)

  it("gets the arguments as its varargs", function()
    assert.are.same({ 3, nil, "x", nil, n = 4 },
      lua.pack(results("return select('#', ...), ...", nil, "x", nil)))
    assert.are.equal(0, (results("return select('#', ...)")))
  end)
end)

describe("the chunk name of code", function()
  it("is its own text", function()
    local code = sync.QUIET:gsub("^", "-- a thread\n", 1) .. "error('x')"
    assert.are.equal('[string "-- a thread..."]:2: x', failure(code))
    assert.are.equal("return debug.getinfo(1, 'S').source",
      (results("return debug.getinfo(1, 'S').source")))
  end)

  it("is honoured with the prefixes = and @", function()
    assert.are.equal("name:1: unexpected symbol near '='", raised("=name"))
    assert.are.equal("file.lua:1: unexpected symbol near '@'",
      raised("@file.lua"))
  end)

  it("of bytecode is the one that was compiled in", function()
    local chunk = lua.load("return debug.getinfo(1, 'S').source", "@some.lua")
    assert.are.equal("@some.lua", (results(string.dump(chunk))))
  end)

  it("of bytecode that is stripped is unknown", function()
    -- Before 5.3 nothing is stripped; LuaJIT takes the name given to `load`.
    local stripped = string.dump(lua.load("return debug.getinfo(1, 'S').source",
      "@some.lua"), true)
    local here = lua.load(stripped)()
    assert.are.equal(here, (results(stripped)))
    if lua.version >= 5.3 then assert.are.equal("=?", here) end
  end)
end)

describe("code that is not good", function()
  it("is refused by new with the words of the compiler", function()
    assert.are.equal(BAD_IN_WORDS, raised(BAD))
    for _, code in ipairs { "x x", "return return", "for", "'", "\n\n}",
      "goto nowhere", "return ...)", ("a "):rep(100), "=", "@", "a\0b",
      "break", "local x <const> = 1; x = 2", "return 0x", "\255" } do
      local _, message = lua.load(code)
      assert.are.equal(message, raised(code))
    end
  end)

  it("is refused by new when it is no whole bytecode", function()
    local good = string.dump(lua.load(
      "local a = { ... } return #a, 'text'"))
    local other_version = good:sub(1, 4) .. "\66" .. good:sub(6)
    for _, code in ipairs { "\27", "\27Lua", "\27Lub" .. good:sub(5),
      other_version, good:sub(1, 30), good:sub(1, -2), good:sub(1, -20) } do
      local _, message = lua.load(code)
      assert.is_string(message)
      assert.are.equal(message, raised(code))
    end
  end)

  it("is refused when it is a number, which is taken for its text", function()
    assert.are.equal("[string \"12\"]:1: unexpected symbol near '12'",
      raised(12))
    assert.are.equal("[string \"0.5\"]:1: unexpected symbol near '0.5'",
      raised(0.5))
  end)

  it("is refused before an argument that cannot be sent", function()
    assert.are.equal(BAD_IN_WORDS,
      outcome.raised(llthreads.new, BAD, io.stdout))
  end)

  it("is refused although another new has been refused before", function()
    for _ = 1, 100 do
      assert.are.equal(raised("x x"), raised("x x"))
      assert.are.equal(1, (results("return 1")))
    end
  end)
end)
