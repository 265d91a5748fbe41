-- SPDX-License-Identifier: MIT
-- What LuaJIT alone has: its compiler and libraries in a child, and cdata.

local lua = require "support.lua"

if not lua.jit then return end

local llthreads = require "llthreads2"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local results, refusal = outcome.results, outcome.refusal

describe("the just-in-time compiler", function()
  it("is on in a child, and at work", function()
    local on, sum, traces = results [[
      local traces = 0
      jit.attach(function() traces = traces + 1 end, "trace")
      local sum = 0
      for i = 1, 100000 do sum = sum + i % 7 end
      jit.attach(function() end)
      return jit.status(), sum, traces]]
    assert.is_true(on)
    assert.are.equal(300000, sum)
    assert.is_true(traces > 0)
  end)

  it("is turned off for one state, not for its sisters", function()
    assert.is_false((results [[jit.off() return (jit.status())]]))
    assert.is_true((results [[return (jit.status())]]))
    assert.is_true((require "jit".status()))
  end)
end)

describe("the libraries of LuaJIT", function()
  it("bit and table.new work in a child", function()
    assert.are.same({ 3, -1, 0 }, { results [[
      return bit.band(7, 3), bit.bnot(0), #require "table.new" (5, 5)]] })
  end)

  it("ffi works in a child: types, calls and callbacks", function()
    local length, sorted, large = results [[
      local ffi = require "ffi"
      ffi.cdef [=[
        size_t strlen(const char *text);
        void qsort(void *base, size_t count, size_t size,
                   int (*compare)(const int *, const int *));
      ]=]
      local list = ffi.new("int[4]", { 3, 1, 4, 2 })
      local compare = ffi.cast("int (*)(const int *, const int *)",
        function(a, b) return a[0] - b[0] end)
      ffi.C.qsort(list, 4, ffi.sizeof "int", compare)
      compare:free()
      local sorted = {}
      for i = 0, 3 do sorted[i + 1] = list[i] end
      return tonumber(ffi.C.strlen("four")), sorted, tostring(2LL ^ 62)]]
    assert.are.equal(4, length)
    assert.are.same({ 1, 2, 3, 4 }, sorted)
    assert.are.equal("4611686018427387904LL", large)
  end)

  it("ffi is one of its own in each child", function()
    local code = [[
      local ffi = require "ffi"
      ffi.cdef("typedef struct { int " .. ... .. "; } of_this_state;")
      return tonumber(ffi.sizeof "of_this_state")]]
    assert.are.equal(4, (results(code, "x")))
    assert.are.equal(8, (results(code, "x, y")))
  end)

  -- Without it, these functions crash.
  it("ffi must be there where its functions arrive", function()
    local ffi = require "ffi"
    -- The test runner has put functions of its own into other places.
    for _, name in ipairs { "new", "string", "gc", "errno", "load" } do
      local channel = require "llthreads2.channel".new()
      channel:send(ffi[name])
      local ok, message = results(
        "local channel = ... return pcall(channel.receive, channel)", channel)
      assert.is_false(ok)
      assert.are.equal(("the built-in function 'ffi.%s' is not there in "
        .. "this state"):format(name), message)
    end
    local channel = require "llthreads2.channel".new()
    channel:send(ffi.new)
    local same, size = results([[
      local ffi = require "ffi"
      local _, new = (...):receive()
      return new == ffi.new, ffi.sizeof(new "int[4]")]], channel)
    assert.is_true(same)
    assert.are.equal(16, size)
  end)

  it("ffi works in functions that are sent as bytecode", function()
    local f = lua.load [[
      return tostring(5LL + ...), tostring(0xffffffffffffffffULL),
        tostring(2i)]]
    assert.are.same({ "7LL", "18446744073709551615ULL", "0+2i" },
      { outcome.results_of_ex(f, 2) })
  end)
end)

describe("cdata", function()
  local ffi = require "ffi"

  it("is refused as an argument, by its name and place", function()
    assert.are.equal("bad argument #2 to 'new' (cdata cannot be sent)",
      refusal(ffi.new("int[3]")))
    assert.are.equal("bad argument #3 to 'new' (cdata cannot be sent)",
      refusal(1, ffi.cast("int64_t", 5)))
    assert.are.equal("bad argument #2 to 'new' (cdata cannot be sent)",
      refusal(ffi.typeof "int"))
    assert.are.equal("bad argument #2 to 'new' "
      .. "(at .a[1]: cdata cannot be sent)",
      refusal { a = { ffi.new("int") } })
    assert.are.equal("bad argument #2 to 'new' "
      .. "(at a key: cdata cannot be sent)",
      refusal { [ffi.new("int")] = 1 })
    assert.are.equal("bad argument #2 to 'new' (userdata cannot be sent)",
      refusal(ffi.C))
  end)

  it("becomes a text as a result, at any depth and as a key", function()
    local array, integer, deep, keyed = results [[
      local array = require "ffi".new("int[3]")
      return array, 5LL, { { array } }, { [array] = 1 }]]
    local text = "^Un%-supported value: cdata: 0x%x+$"
    assert.is_truthy(array:find(text))
    assert.is_truthy(integer:find(text))
    assert.are.equal(array, deep[1][1])
    assert.are.equal(1, keyed[array])
  end)

  it("as an error object gives its text, or none", function()
    local ok, message = llthreads.new(sync.QUIET .. [[
      error(require "ffi".new("int[3]"))]]):start():join()
    assert.is_false(ok)
    assert.are.equal(1, message:find("Error from child thread: ", 1, true))
  end)
end)
