-- SPDX-License-Identifier: MIT
--
-- llthreads2.ex: threads from functions, strings, files and options. See
-- ex_errors_spec.lua for those that fail or are refused.

local ex = require "llthreads2.ex"
local llthreads2 = require "llthreads2"
local files = require "support.files"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"
local sync = require "spec.support.sync"
local values = require "spec.support.values"

local results_of = outcome.results_of_ex

local function contains(text, part)
  assert.is_truthy(text:find(part, 1, true), text)
end

local temporary = {}

-- "@" and the name of a new file that holds `text`.
local function file_with(text)
  local name = os.tmpname()
  temporary[#temporary + 1] = name
  files.write(name, text)
  return "@" .. name
end

after_each(function()
  for _, name in ipairs(temporary) do
    os.remove(name)
  end
  temporary = {}
end)

-- One piece of code in every form that it may take.
local function forms_of(text)
  local compiled = assert(lua.load(text))
  return {
    ["a function"] = compiled,
    ["a string"] = text,
    ["bytecode"] = string.dump(compiled),
    ["stripped bytecode"] = string.dump(compiled, true),
    ["a file"] = file_with(text),
    ["a file of bytecode"] = file_with(string.dump(compiled)),
  }
end

describe("the source of a thread", function()
  it("may be a function, a string, bytecode or a file", function()
    for form, code in pairs(forms_of "return 'ran', ...") do
      assert.same({ "ran", 5 }, { results_of(code, 5) }, form)
      assert.same({ "ran", 5 }, { results_of({ code }, 5) }, form)
      assert.same({ "ran", 5 }, { results_of({ source = code }, 5) }, form)
    end
  end)

  it("receives nil, holes and trailing nils as they were given", function()
    assert.same({ n = 5, nil, 1, nil, "b", nil },
      lua.pack(results_of("return ...", nil, 1, nil, "b", nil)))
  end)

  it(("receives %d values"):format(lua.MANY), function()
    assert.is_true(values.are_many(
      results_of("return ...", lua.unpack(values.many()))))
  end)

  it("may be the empty string", function()
    assert.equal(0, select("#", results_of("", 1, 2)))
  end)

  it("is taken from `source` before the first element", function()
    assert.equal("named", results_of { "return 1", source = "return 'named'" })
  end)

  it("may stand among options that are unknown", function()
    assert.equal("ran", results_of { "return 'ran'", priority = print })
  end)
end)

describe("a function as the source", function()
  local before = "an upvalue"

  it("has the globals, and nil for other upvalues, in any order", function()
    assert.same({ nil, "string" }, { results_of(function()
      return before, type(_VERSION)
    end) })
    assert.same({ "string", nil }, { results_of(function()
      return type(_VERSION), before
    end) })
    assert.is_nil((results_of(function() return before end)))
  end)

  it("has the globals in place of an environment of its own", function()
    local code
    if lua.has_environments then
      code = lua.setfenv(function() return before, type(_VERSION) end, {})
    else
      code = load([[
        local before, _ENV = ...
        return function() return before, type(_VERSION) end
      ]])(before, {})
    end
    assert.same({ nil, "string" }, { results_of(code) })
  end)

  it("may contain functions that use both kinds of upvalues", function()
    assert.equal("nil string", results_of(function()
      local function inner()
        return tostring(before) .. " " .. type(_VERSION)
      end
      return inner()
    end))
  end)
end)

describe("the order in the child", function()
  local INIT = "assert(select('#', ...) == 0); order = {'init'}"
  local PRELUDE = "order[2] = 'prelude'; return 'new', ..."
  local CODE = "order[3] = 'code'; return table.concat(order, ' '), ..."

  it("is lua_init, prelude, code, in whatever form each is", function()
    local inits, preludes = forms_of(INIT), forms_of(PRELUDE)
    for form, code in pairs(forms_of(CODE)) do
      local order, first, second = results_of({
        code, lua_init = inits[form], prelude = preludes[form],
      }, "old")
      assert.equal("init prelude code", order, form)
      assert.equal("new", first, form)
      assert.equal("old", second, form)
    end
  end)

  it("lets the prelude replace the arguments by values of any kind", function()
    assert.same({ "function thread userdata", 4 }, { results_of({
      function(f, co, file, ...)
        return ("%s %s %s"):format(type(f), type(co), type(file)),
          3 + select("#", ...)
      end,
      prelude = function()
        return function() end, coroutine.create(function() end), io.stdout, nil
      end,
    }, "dropped") })
  end)

  it("lets a prelude without results take all arguments away", function()
    assert.equal(0, results_of({ "return select('#', ...)",
      prelude = function() end }, 1, 2))
  end)

  it("has no lua_init and no prelude where they are false or empty", function()
    for _, none in ipairs { false, "" } do
      assert.equal("argument", results_of(
        { "return ...", lua_init = none, prelude = none }, "argument"))
    end
  end)
end)

describe("the environment variable", function()
  -- The module as it is in a process whose environment is `variables`.
  local function ex_in(variables)
    -- luacheck: globals os.getenv
    local loaded, getenv = package.loaded["llthreads2.ex"], os.getenv
    finally(function()
      package.loaded["llthreads2.ex"], os.getenv = loaded, getenv
    end)
    package.loaded["llthreads2.ex"] = nil
    os.getenv = function(name) return variables[name] end
    local module = require "llthreads2.ex"
    package.loaded["llthreads2.ex"], os.getenv = loaded, getenv
    return module
  end

  local function init_of(module, options)
    return select(2, assert(module.new(options):start():join()))
  end

  it("LUA_INIT runs before code of either kind", function()
    local module = ex_in { LUA_INIT = "from = 'init'" }
    assert.equal("init", init_of(module, "return from"))
    assert.equal("init", init_of(module, { "return from" }))
    assert.equal("init", init_of(module, function() return _G.from end))
  end)

  it("LUA_INIT may name a file", function()
    local module = ex_in { LUA_INIT = file_with "from = 'file'" }
    assert.equal("file", init_of(module, "return from"))
  end)

  it("with the version in its name goes first, also if empty", function()
    local name = "LUA_INIT_" .. _VERSION:match("%d.%d"):gsub("%.", "_")
    local module = ex_in { LUA_INIT = "from = 1", [name] = "from = 2" }
    -- 5.1 does not know of it.
    local known = lua.version >= 5.2
    assert.equal(known and 2 or 1, init_of(module, "return from"))
    module = ex_in { LUA_INIT = "from = 1", [name] = "" }
    assert.equal(not known and 1 or nil, init_of(module, "return from"))
  end)

  it("is replaced by the option lua_init, and left out for false", function()
    local module = ex_in { LUA_INIT = "from = 'variable'" }
    assert.equal("option", init_of(module,
      { "return from", lua_init = "from = 'option'" }))
    assert.is_nil(init_of(module, { "return from", lua_init = false }))
  end)
end)

describe("the table arg", function()
  it("holds the arguments, their number and the name of a string", function()
    assert.same({ "=(loadstring)", 3, "a", nil, nil }, { results_of(
      "return arg[0], arg.n, arg[1], arg[2], arg[3]", "a", nil, nil) })
  end)

  it("names a function like a string, and a file by its name", function()
    assert.equal("=(loadstring)", results_of(function() return arg[0] end))
    local file = file_with "return arg[0]"
    assert.equal(file:sub(2), results_of(file))
  end)

  it("is the same for a function with parameters of any kind", function()
    assert.same({ "=(loadstring)", 2, "a" }, { results_of(function(first)
      return arg[0], arg.n, first
    end, "a", "b") })
    -- 5.1 hides the global from functions with `...`.
    assert.same({ "=(loadstring)", 2, "a" }, { results_of(function(...)
      return _G.arg[0], _G.arg.n, (...)
    end, "a", "b") })
  end)

  it("holds what the prelude returned, and appears after it", function()
    assert.same({ 2, "x", "y", "nil nil" }, { results_of {
      "return arg.n, arg[1], arg[2], seen",
      lua_init = "seen = tostring(arg)",
      prelude = "seen = seen .. ' ' .. tostring(arg); return 'x', 'y'",
    } })
  end)

  it("does not trip a lua_init that forbids new globals", function()
    assert.equal("a", results_of({ "return arg[1]", lua_init = [[
      local function forbid(_, name) error("undeclared: " .. name) end
      setmetatable(_G, { __index = forbid, __newindex = forbid })
    ]] }, "a"))
  end)

  it("is seen in the environment and in another table named _G", function()
    assert.same({ "a", "a", true }, { results_of({
      "return arg[1], rawget(_G, 'arg')[1], "
        .. "not rawequal(_ENV or getfenv(1), _G)",
      lua_init = [[_G = setmetatable({}, { __newindex = error })]],
    }, "a") })
  end)
end)

describe("the state of the child", function()
  -- Runs in a child: what can be seen of it, by name.
  local INVENTORY = [[
    local names = {}
    for name in pairs(_G) do names[#names + 1] = name end
    for name in pairs(package.loaded) do names[#names + 1] = name end
    for name in pairs(debug.getregistry()) do
      names[#names + 1] = type(name) == "string" and name or nil
    end
    local _, is_main = coroutine.running()
    names[#names + 1] = "main coroutine: " .. tostring(is_main)
    names[#names + 1] = "hook: " .. tostring(debug.gethook())
    local caller = debug.getinfo(2, "S")
    names[#names + 1] = "caller: " .. tostring(caller and caller.what)
    table.sort(names)
    return table.concat(names, "\n")
  ]]

  it("is that of a plain thread and `arg`, and nothing else", function()
    local _, plain = llthreads2.new(
      "arg = 'expected' " .. INVENTORY):start():join()
    local inventory = results_of { INVENTORY, lua_init = false,
      prelude = "return ..." }
    -- 5.1 takes the tail call of the code for its caller.
    if lua.version == 5.1 and not lua.jit then
      plain = plain:gsub("caller: C", "caller: tail")
    end
    assert.equal(plain, inventory)
  end)

  it("works for a lua_init that takes all libraries away", function()
    assert.equal("a", results_of({
      "return ...",
      prelude = "return ...",
      lua_init = [[
        getmetatable("").__index = nil
        local _G, next = _G, next
        for _, library in next, _G.package.loaded do
          for name in next, library do
            if library ~= _G then library[name] = nil end
          end
        end
        for name in next, _G do _G[name] = nil end
      ]],
    }, "a"))
  end)
end)

describe("the object", function()
  it("is a table on which programs put fields of their own", function()
    local thread = ex.new "return 'result'"
    assert.equal("table", type(thread))
    assert.is_nil(thread.unknown)
    thread.name = "worker"
    function thread:finish()
      return self.name, select(2, self:join())
    end
    assert.same({ "worker", "result" }, { thread:start():finish() })
  end)

  it("has the thread of llthreads2 in its field `thread`", function()
    local thread = ex.new "return 'result'"
    assert.equal(llthreads2.new("").join, thread.thread.join)
    assert.is_false(thread.thread:started())
    assert.equal(thread, thread:start())
    assert.same({ true, "result" }, { thread.thread:join() })
  end)

  it("passes the flags of start on as they were given", function()
    local function flags(...)
      local thread = ex.new "":start(...)
      return { thread:detached(), thread:joinable() }, (thread:join())
    end
    assert.same({ { false, true }, true }, { flags() })
    assert.same({ { false, true }, true }, { flags(nil) })
    assert.same({ { false, false }, true }, { flags(nil, nil) })
    assert.same({ { true, true }, true }, { flags("yes", 1) })
    assert.same({ { true, false }, nil }, { flags(true) })
  end)

  it("tells why it did not start", function()
    local thread = ex.new "":start()
    assert.same({ nil, "Thread already started." }, { thread:start() })
    thread:join()
  end)

  -- A thread that will run `code`, and a function that starts the thread and
  -- waits until it has come to the LINK in its code.
  local function meeting(code)
    local door = sync.door()
    local thread = ex.new(sync.QUIET .. sync.SPIN .. code, door.port)
    return thread, function()
      thread:start()
      return door:answer()
    end
  end

  it("answers as its thread does in every state", function()
    local thread, start = meeting(sync.LINK .. "spin()")
    local unstarted = "Can't join a thread that hasn't be started."
    assert.same({ nil, unstarted }, { thread:join() })
    assert.same({ nil, unstarted }, { thread:alive() })
    assert.is_false(thread:started())
    start()
    assert.is_true(thread:started())
    assert.is_true(thread:alive())
    assert.same({ nil, "timeout" }, { thread:join(0) })
    assert.equal(0, select("#", thread:interrupt()))
    local ok, report = thread:join()
    assert.is_false(ok)
    contains(report, llthreads2.interrupted_error)
    assert.is_nil((thread:alive()))
  end)

  it("interrupts again and again when asked to", function()
    local thread, start = meeting(
      "pcall(function(...) " .. sync.LINK .. "spin() end, ...) spin()")
    start()
    thread:interrupt(true)
    contains(select(2, thread:join()), llthreads2.interrupted_error)
  end)
end)
