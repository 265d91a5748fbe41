-- SPDX-License-Identifier: MIT
--
-- What llthreads2.ex says of code that fails, and of calls that it refuses.

local ex = require "llthreads2.ex"
local lua = require "support.lua"
local proc = require "spec.support.proc"
local sync = require "spec.support.sync"
local values = require "spec.support.values"

-- The report of a thread, which must fail. It keeps quiet about it on stderr,
-- unless the test has a `lua_init` of its own.
local function report_of(options, ...)
  if options.lua_init == nil then
    options.lua_init = sync.QUIET
  end
  local ok, report = ex.new(options, ...):start():join()
  assert.is_false(ok)
  return report
end

local function contains(text, part)
  assert.is_truthy(text:find(part, 1, true), text)
end

local function lacks(text, part)
  assert.is_nil(text:find(part, 1, true), text)
end

describe("code that fails", function()
  it("is named by its text when it is a string", function()
    contains(report_of { "error 'oops'" }, [[[string "error 'oops'"]:1: oops]])
  end)

  it("by its syntax fails in join, not in new", function()
    local report = report_of { "x = =" }
    contains(report,
      [[thread: [string "x = ="]:1: unexpected symbol near '=']])
  end)

  it("in a file that does not exist fails in join", function()
    contains(report_of { "@/no/such/file" }, "/no/such/file")
    contains(report_of { "", prelude = "@/no/such/file" }, "/no/such/file")
    local output = proc.run [[
      print(require "llthreads2.ex".new {
        "print 'never'", lua_init = "@/no/such/file",
      }:start():join())
    ]]
    contains(output, "false\tError from child thread: ")
    contains(output, "/no/such/file")
    lacks(output, "never")
  end)

  it("in lua_init keeps prelude and code from running", function()
    contains(report_of { "error 'code'", prelude = "error 'prelude'",
      lua_init = sync.QUIET .. "error 'init'" }, ": init\n")
  end)

  it("in the prelude keeps the code from running", function()
    contains(report_of { "error 'code'", prelude = "error 'prelude'" },
      ": prelude\n")
  end)

  it("shows the user's own lines, and none of the library's", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local report = report_of { function()
      local function inner() error "oops" end
      inner()
    end }
    contains(report,
      ("ex_errors_spec.lua:%d: oops\nstack traceback:"):format(line))
    contains(report, ("ex_errors_spec.lua:%d: in function"):format(line + 1))
    lacks(report, "llthreads2/ex.lua")
  end)
end)

describe("a call of new that is refused", function()
  -- The message for `new(...)`, which must be raised at the line of the call.
  local function refusal(...)
    local here
    local arguments = lua.pack(...)
    local ok, message = pcall(function()
      here = debug.getinfo(1, "Sl")
      local _ = ex.new(lua.unpack(arguments, 1, arguments.n))
    end)
    assert.is_false(ok)
    local place = ("%s:%d: "):format(here.short_src, here.currentline + 1)
    assert.equal(place, message:sub(1, #place))
    return message:sub(#place + 1)
  end

  it("says what a source may be", function()
    local expected = "bad argument #1 to 'new' "
      .. "(function, string or options table expected, got %s)"
    assert.equal(expected:format "nil", refusal())
    assert.equal(expected:format "nil", refusal(nil, 1))
    assert.equal(expected:format "number", refusal(5))
    assert.equal(expected:format "boolean", refusal(false))
    assert.equal(expected:format "userdata", refusal(io.stdout))
    assert.equal("bad argument #1 to 'new' (Lua function, string or options "
      .. "table expected, got C function)", refusal(print))
  end)

  it("names the option and says what it may be", function()
    local expected = "bad argument #1 to 'new' "
      .. "(option '%s': function or string expected, got %s)"
    assert.equal(expected:format("source", "nil"), refusal {})
    assert.equal(expected:format("source", "table"), refusal { {} })
    assert.equal(expected:format("source", "number"), refusal { source = 1 })
    assert.equal(expected:format("prelude", "boolean"),
      refusal { "", prelude = true })
    assert.equal(expected:format("lua_init", "table"),
      refusal { "", lua_init = {} })
    assert.equal("bad argument #1 to 'new' (option 'prelude': Lua function or "
      .. "string expected, got C function)", refusal { "", prelude = print })
  end)

  it("counts the arguments as the user wrote them", function()
    local function unsendable() end
    assert.equal("bad argument #2 to 'new' (Lua function cannot be sent)",
      refusal("", unsendable))
    assert.equal("bad argument #4 to 'new' (Lua function cannot be sent)",
      refusal({ "", prelude = "", lua_init = "" }, 1, nil, unsendable))
  end)

  it("names the place of a value that cannot be sent", function()
    assert.equal("bad argument #3 to 'new' "
      .. "(at .jobs[3].callback: Lua function cannot be sent)",
      refusal("", 1, { jobs = { 1, 2, { callback = function() end } } }))
  end)

  it("has no argument number for tables that are too deep", function()
    assert.equal("Hit maximum copy depth (101 > 100).",
      refusal("", values.nested(101)))
  end)
end)
