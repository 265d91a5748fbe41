-- SPDX-License-Identifier: MIT
-- What is not the same in every Lua: environments, functions that belong to
-- their state, iterators, coroutines, bytecode, and what LuaJIT alone has.

local ex = require "llthreads2.ex"
local llthreads = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"

local results, results_of_ex = outcome.results, outcome.results_of_ex
local refusal = outcome.refusal

-- A function in the libraries here, by its name there.
local function named(name)
  return assert(lua.load("return " .. name))()
end

describe("a function of Lua's libraries", function()
  -- A name, and an expression with the function `f` that must give true.
  local USES = {
    { "assert", "f(1) == 1" },
    { "coroutine.wrap", "f(function() return 7 end)() == 7" },
    { "debug.traceback", "f('text'):find('^text\\n') ~= nil" },
    { "dofile", "pcall(f, '/no/such/file') == false" },
    { "error", "pcall(f) == false" },
    { "getmetatable", "f('').__index == string" },
    { "io.close", "f(io.tmpfile()) == true" },
    { "io.lines", "type(f('/proc/self/stat')()) == 'string'" },
    { "io.open", "f('/proc/self/stat'):close()" },
    { "io.popen", "f('echo word'):read('*a') == 'word\\n'" },
    { "io.type", "f(io.stdout) == 'file'" },
    { "io.write", "f('') and true" },
    { "ipairs", "select(2, f{}) ~= nil" },
    { "math.deg", "f(math.pi) == 180" },
    { "math.floor", "f(1.5) == 1" },
    { "next", "select(2, f { 5 }) == 5" },
    { "os.time", "f() > 0" },
    { "pairs", "select(2, (f {})({ 5 })) == 5" },
    { "pcall", "f(error) == false" },
    { "rawget", "f({ 7 }, 1) == 7" },
    { "select", "f('#', 1, 2) == 2" },
    { "string.byte", "f('A') == 65" },
    { "string.find", "f('abc', 'c') == 3" },
    { "string.format", "f('%d', 5) == '5'" },
    { "string.gmatch", "f('ab', '.')() == 'a'" },
    { "string.rep", "f('a', 3) == 'aaa'" },
    { "table.concat", "f { 1, 2 } == '12'" },
    { "table.insert", "select('#', f({}, 1)) == 0" },
    { "table.sort", "select('#', f {}) == 0" },
    { "tonumber", "f('7') == 7" },
    { "tostring", "f(true) == 'true'" },
    { "type", "f(f) == 'function'" },
    { "xpcall", "f(error, function() end) == false" },
  }

  it("works in a child, and when it comes back", function()
    for _, use in ipairs(USES) do
      local name, expression = lua.unpack(use)
      local code = "local f = ... return f, " .. expression
      local back, there = results(code, named(name))
      assert.is_true(there, name)
      assert.is_true(select(2, lua.load(code)(back)), name)
    end
  end)

  -- Those that are more than an address travel by name: in 5.1 they keep
  -- something in their environment, in LuaJIT some are not written in C, and
  -- since 5.2 `require` has all that has been loaded for an upvalue.
  local BOUND = { "require" }
  if lua.has_environments then
    BOUND = { "io.write", "io.lines", "io.open", "io.close", "require",
      "module" }
  end
  if lua.jit then
    for _, name in ipairs { "math.deg", "string.len", "table.remove", "pcall",
      "next", "ipairs", "tostring", "coroutine.yield", "bit.band" } do
      BOUND[#BOUND + 1] = name
    end
  end

  for _, name in ipairs(BOUND) do
    it(name .. " arrives as the receiver's own", function()
      local back, same, nested = results(([[
        local f, list = ...
        return f, f == %s, list[1].f == f]]):format(name), named(name),
        { { f = named(name) } })
      assert.is_true(same)
      assert.is_true(nested)
      assert.are.equal(named(name), back)
    end)
  end

  if lua.has_environments then
    -- What a child that has done something to its libraries gets when it
    -- receives io.write.
    local function received(code)
      local channel = require "llthreads2.channel".new()
      channel:send { io.write }
      return results(([[
        local channel = ...
        local pcall = pcall
        %s
        return pcall(channel.receive, channel)]]):format(code), channel)
    end

    it("is missed by a receiver that has lost it", function()
      local MISSED =
        "the built-in function 'io.write' is not there in this state"
      for _, code in ipairs { "io.write = nil", "io.write = function() end",
        "io.write = 'text'", "package.loaded.io = nil",
        "package.loaded.io = function() end", "package.loaded.io = 5",
        "for name in pairs(package.loaded) do package.loaded[name] = nil end",
        "io.write = require('llthreads2').new" } do
        local ok, message = received(code)
        assert.is_false(ok, code)
        assert.are.equal(MISSED, message, code)
      end
    end)

    it("is found where the receiver has replaced all others", function()
      local ok, _, list = received [[
        for name in pairs(_G) do
          if name ~= "io" and name ~= "_G" then _G[name] = nil end
        end]]
      assert.is_true(ok)
      assert.are.equal(io.write, list[1])
    end)

    it("is missed in results until it is back", function()
      -- luacheck: globals io.write
      local thread = llthreads.new("return 'first', io.write"):start()
      local write = io.write
      io.write = nil
      local message = outcome.raised(thread.join, thread)
      io.write = write
      assert.are.equal(
        "the built-in function 'io.write' is not there in this state", message)
      assert.are.same({ true, "first", write }, { thread:join() })
    end)

    it("is sent from code whose globals are others", function()
      local code = [[
        local io, string, coroutine, new = io, string, coroutine, ...
        local function send()
          setfenv(0, {})
          local ok, same, text = new([=[
            local write, upper = ...
            return write == io.write, upper("x")]=], io.write, string.upper)
            :start():join()
          return ok and same, text
        end
        return coroutine.wrap(send)()]]
      assert.are.same({ true, "X" }, { results(code, llthreads.new) })
    end)

    it("is sent when it has been given an environment", function()
      local same = results [[
        local new = require "llthreads2".new
        debug.setfenv(string.upper, {})
        return select(2, new("return ... == string.upper", string.upper)
          :start():join())]]
      assert.is_true(same)
    end)

    -- It arrives with the environment of the function that receives it.
    it("can be sent on by who has received it", function()
      local channel = require "llthreads2.channel".new()
      for _, f in ipairs { io.write, string.format, print, llthreads.new,
        ("x"):gmatch("x") } do
        for _ = 1, 3 do
          assert.is_true(channel:send(f))
          local ok, arrived = channel:receive()
          assert.is_true(ok)
          assert.are.equal("function", type(arrived))
          f = arrived
        end
      end
    end)

    it("of a module is refused when it has been given one", function()
      local message = results [[
        local new = require "llthreads2".new
        local gettime = require "socket".gettime
        debug.setfenv(gettime, {})
        return select(2, pcall(function()
          local _ = new("", gettime)
        end))]]
      assert.is_truthy(message:find("bad argument #2 to 'new' "
        .. "(C function that is bound to its state cannot be sent)", 1, true))
    end)
  end
end)

describe("an iterator", function()
  -- What is refused.
  local BOUND = "C function that is bound to its state"
  local UPVALUE = "at <upvalue %d>: %s"

  -- Sends it, as an argument and as a result. Returns what it gives in a
  -- child, or what its refusal says.
  local function tried(expression, use)
    local make = "return (" .. expression .. ")"
    local ok, thread = pcall(llthreads.new, "local f = ... " .. use,
      lua.load(make)())
    local back = results(make)
    if not ok then
      assert.are.equal("string", type(back))
      assert.is_truthy(back:find("^Un%-supported value: function: 0x%x+$"))
      return (thread:match("bad argument #2 to 'new' %((.+) cannot be sent%)$"))
    end
    local _, there = assert(thread:start():join())
    assert.are.equal(there, lua.load("local f = ... " .. use)(back))
    return there
  end

  it("of pairs gives its values in a child", function()
    assert.are.equal("a", tried("(pairs {})",
      "local key = f { a = 1 } return key"))
  end)

  it("of ipairs gives its values in a child, or is refused", function()
    assert.are.equal(lua.jit and BOUND or "b",
      tried("(ipairs {})", "return (select(2, f({ 'a', 'b' }, 1)))"))
  end)

  it("of string.gmatch goes on in a child, or is refused", function()
    assert.are.equal(
      lua.version >= 5.3 and UPVALUE:format(3, "userdata") or "one two",
      tried("('one two'):gmatch('%a+')", "return f() .. ' ' .. f()"))
  end)

  if lua.version < 5.3 then
    it("of string.gmatch goes on where it was", function()
      local iterator = ("one two three"):gmatch("%a+")
      assert.are.equal("one", iterator())
      assert.are.same({ "two", "three", nil }, { results([[
        local f = ...
        return f(), f(), f()]], iterator) })
      assert.are.equal("two", iterator())
    end)
  end

  it("of io.lines is refused", function()
    assert.are.equal(
      lua.has_environments and BOUND or UPVALUE:format(1, "userdata"),
      tried("io.lines('/proc/self/stat')", "return f()"))
  end)

  it("of coroutine.wrap is refused", function()
    assert.are.equal(lua.jit and BOUND or UPVALUE:format(1, "coroutine"),
      tried("coroutine.wrap(function() end)", "return f()"))
  end)
end)

if lua.has_environments then
  describe("a function with an environment", function()
    local function with(environment, f) return lua.setfenv(f, environment) end

    it("has the globals in a child", function()
      assert.are.same({ true, true, "nil" }, { results_of_ex(with({ x = 1 },
        function()
          -- luacheck: globals x
          local function inner() return getfenv(1) == _G end
          return getfenv(1) == _G, inner(), type(x)
        end)) })
    end)

    it("may have one again there", function()
      assert.are.same({ 5, true }, { results_of_ex(function()
        local inner = setfenv(function() return x end, { x = 5 }) -- luacheck: ignore
        return inner(), x == nil -- luacheck: ignore
      end) })
    end)

    it("has that of the thread where lua_init has replaced it", function()
      assert.are.same({ "mine", "mine" }, { results_of_ex {
        with({}, function() return name, getfenv(0).name end), -- luacheck: ignore
        lua_init = [[
          local mine = setmetatable({ name = "mine" }, { __index = _G })
          setfenv(0, mine)]],
      } })
    end)

    it("keeps it here", function()
      local environment = {}
      local f = with(environment, function() return 1 end)
      assert.are.equal(1, results_of_ex(f))
      assert.are.equal(environment, getfenv(f))
    end)
  end)
end

describe("bytecode", function()
  local EVERYTHING = [[
    local up, sum = { 1 }, 0
    local function count(...)
      local n = select("#", ...)
      return n == 0 and up[1] or n + count(select(2, ...))
    end
    for i = 1, 3 do sum = sum + i end
    for _, v in ipairs { 1, 2, x = "y" } do sum = sum + v end
    while sum < 100 do sum = sum * 2 end
    repeat sum = sum - 1 until sum % 10 == 0
    return sum, count(1, nil, 3), "a\0b", 0.1, 1e300, -5, 2 ^ 53, true, nil,
      ("x"):rep(3), #up, not up, (...)]]

  it("of a function of every kind works in a child", function()
    local f = lua.load(EVERYTHING)
    local expected = lua.pack(f("argument"))
    assert.are.same(expected, lua.pack(results_of_ex(f, "argument")))
    for _, strip in ipairs { false, true } do
      local dumped = string.dump(f, strip)
      assert.are.same(expected, lua.pack(results_of_ex(dumped, "argument")))
      assert.are.same(expected, lua.pack(results(dumped, "argument")))
    end
  end)

  it("made in a child works here", function()
    local dumped = results [[
      return string.dump(function(...) return select("#", ...), ... end)]]
    assert.are.same({ 2, "a", "b" }, { lua.load(dumped)("a", "b") })
    assert.are.same({ 2, "a", "b" }, { results(dumped, "a", "b") })
  end)

  it("of another Lua is refused in the words of this one", function()
    local own = string.dump(function() end)
    for _, other in ipairs { "\27LJ\1", "\27LJ\2", "\27Lua\81", "\27Lua\82",
      "\27Lua\83", "\27Lua\84", "\27Lua\85" } do
      if own:sub(1, #other) ~= other then
        local code = other .. own:sub(#other + 1)
        local _, message = lua.load(code)
        assert.is_string(message)
        assert.are.equal(message, outcome.raised(llthreads.new, code))
        local ok, report = ex.new({ code, lua_init = sync.QUIET }):start()
          :join()
        assert.is_false(ok)
        assert.is_truthy(report:find("precompiled chunk", 1, true)
          or report:find("bytecode", 1, true) or report:find("binary", 1, true),
          report)
      end
    end
  end)
end)

describe("a coroutine in a child", function()
  it("exchanges values and ends", function()
    assert.are.same({ true, 1, true, "end", "dead", false }, { results [[
      local co = coroutine.create(function(a)
        local b = coroutine.yield(a)
        return b
      end)
      local one, a = coroutine.resume(co, 1)
      local two, b = coroutine.resume(co, "end")
      return one, a, two, b, coroutine.status(co), (coroutine.resume(co))]] })
  end)

  it("passes an error on as the object that it is", function()
    assert.are.same({ false, "the same", false, "the same", "dead" },
      { results [[
      local object = {}
      local function fail() error(object) end
      local co = coroutine.create(fail)
      local ok, resumed = coroutine.resume(co)
      local caught, wrapped = pcall(coroutine.wrap(fail))
      local function name(found) return found == object and "the same" end
      return ok, name(resumed), caught, name(wrapped),
        coroutine.status(co)]] })
  end)

  it("may catch an error itself and go on", function()
    assert.are.same({ false, "inner", "yielded", "end" }, { results [[
      local co = coroutine.wrap(function()
        local ok, message = pcall(function()
          return pcall(coroutine.wrap(function() error("inner", 0) end))
        end)
        if not ok then error("unreachable") end
        local caught, text = pcall(error, "inner", 0)
        coroutine.yield(caught, text)
        coroutine.yield("yielded")
        return "end"
      end)
      local caught, text = co()
      return caught, text, co(), co()]] })
  end)

  it("passes an error on to join, through any number of others", function()
    local ok, message = llthreads.new(sync.QUIET .. [[
      local function nest(depth)
        if depth == 0 then error("the bottom", 0) end
        coroutine.wrap(nest)(depth - 1)
      end
      nest(20)]]):start():join()
    assert.is_false(ok)
    assert.is_truthy(message:find("the bottom\nstack traceback:\n", 1, true),
      message)
  end)

  it("sends, receives and joins", function()
    assert.are.same({ "value", true, "joined" }, { results [[
      return coroutine.wrap(function()
        local channel = require "llthreads2.channel".new()
        channel:send("value")
        local _, value = channel:receive()
        return value, require "llthreads2".new("return 'joined'"):start()
          :join()
      end)()]] })
  end)

  -- 5.1 cannot yield across a C call.
  if lua.version >= 5.2 or lua.jit then
    it("may yield inside of pcall", function()
      assert.are.same({ "yielded", true, "resumed" }, { results [[
        local co = coroutine.wrap(function()
          return pcall(function() return coroutine.yield("yielded") end)
        end)
        local first = co()
        return first, co("resumed")]] })
    end)
  end
end)

if not lua.jit then return end

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
      { results_of_ex(f, 2) })
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
