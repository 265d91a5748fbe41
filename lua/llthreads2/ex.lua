-- SPDX-License-Identifier: MIT
--
-- Threads made from a function, a string, a file or a table of options.
--
-- The parent turns every piece of code into text (a function into bytecode)
-- and checks its type, so that misuse raises at the caller's line. The child
-- runs `bootstrap`, which loads the pieces and runs them in their order.

-- Travels as bytecode, so it can use globals but no local of this file; it
-- stands above all of them to make that hard to get wrong. Everything it needs
-- is fetched first, because `lua_init` may replace the libraries or forbid
-- unknown globals. The source is entered by tail calls, which keeps this
-- function out of its tracebacks.
local function bootstrap(lua_init, prelude, source, ...)
  local globals, loadfile, error, type = _G, loadfile, error, type
  local load = loadstring or load
  local rawget, rawset, select, sub = rawget, rawset, select, string.sub
  local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue
  local getfenv = getfenv

  -- Since 5.2 loading bytecode gives the globals to the first upvalue, whatever
  -- it is; in 5.1 code has an environment, and its upvalues are nil already.
  -- Lua brackets the name that it gives to an upvalue of stripped code: there
  -- the first upvalue is the only guess, and it stays.
  local function bind_upvalues(chunk)
    if getfenv then
      return
    end
    local index = 1
    local name = getupvalue(chunk, index)
    while name do
      if name == "_ENV" then
        setupvalue(chunk, index, globals)
      elseif sub(name, 1, 1) ~= "(" then
        setupvalue(chunk, index, nil)
      end
      index = index + 1
      name = getupvalue(chunk, index)
    end
  end

  local function load_text(text)
    local file = sub(text, 1, 1) == "@" and sub(text, 2) or nil
    local chunk, problem
    if file then
      chunk, problem = loadfile(file)
    else
      chunk, problem = load(text)
    end
    if not chunk then
      error(problem, 0)
    end
    bind_upvalues(chunk)
    return chunk, file or "=(loadstring)"
  end

  -- Strict scripts guard assignments to globals, hence the raw writes. Some put
  -- a table of their own into `_G`, and code reads `arg` under both names.
  local function set_arg(arg)
    rawset(globals, "arg", arg)
    local named = rawget(globals, "_G")
    if type(named) == "table" then
      rawset(named, "arg", arg)
    end
  end

  local function run(...)
    local chunk, name = load_text(source)
    set_arg { n = select("#", ...), [0] = name, ... }
    return chunk(...)
  end

  if lua_init then
    load_text(lua_init)()
  end
  -- An empty prelude is none: run, it would take the arguments away.
  if prelude and prelude ~= "" then
    return run(load_text(prelude)(...))
  end
  return run(...)
end

local core = require "llthreads2.core"

local BOOTSTRAP = string.dump(bootstrap)

-- `core.try_new` counts the bootstrap and three pieces of code before the
-- user's values; the user counts one source.
local EXTRA_ARGUMENTS = 3

-- `_VERSION` reads "Lua 5.4", the variable is called LUA_INIT_5_4. In 5.1 there
-- is none with a version.
local DEFAULT_INIT = _VERSION ~= "Lua 5.1"
  and os.getenv("LUA_INIT" .. _VERSION:sub(4):gsub("[ .]", "_"))
  or os.getenv("LUA_INIT")

-- The readers below return their problems to `new`, which alone raises: it
-- knows the level at which its caller stands.

-- The text of one piece of code, or nil and what is wrong with the value.
local function read_code(value, expected)
  local kind = type(value)
  if kind == "string" then
    return value
  elseif kind ~= "function" then
    return nil, ("%s expected, got %s"):format(expected, kind)
  elseif debug.getinfo(value, "S").what == "C" then
    return nil, ("Lua %s expected, got C function"):format(expected)
  end
  return string.dump(value)
end

local function read_option(name, value)
  local text, problem = read_code(value, "function or string")
  return text, problem and ("option '%s': %s"):format(name, problem)
end

-- An option that may also be absent: nil or false.
local function read_optional(name, value)
  if value then
    return read_option(name, value)
  end
end

-- The texts of source, prelude and lua_init, then the first problem, if any.
local function read_options(options)
  local lua_init = options.lua_init
  if lua_init == nil then
    lua_init = DEFAULT_INIT
  end
  local source, problem = read_option("source", options.source or options[1])
  local prelude, prelude_problem = read_optional("prelude", options.prelude)
  local init, init_problem = read_optional("lua_init", lua_init)
  return source, prelude, init, problem or prelude_problem or init_problem
end

local function read_source(source)
  if type(source) == "table" then
    return read_options(source)
  end
  local text, problem =
    read_code(source, "function, string or options table")
  return text, nil, DEFAULT_INIT, problem
end

local function argument_error(position, problem)
  return ("bad argument #%d to 'new' (%s)"):format(position, problem)
end

local thread = {}
thread.__index = thread

-- The thread of an object. The level is that of the method's caller.
local function inner(self, method)
  local child = type(self) == "table" and self.thread
  if not child then
    error(("bad argument #1 to '%s' (llthread.ex expected, got %s)")
      :format(method, type(self)), 3)
  end
  return child
end

function thread:start(...)
  local started, problem = inner(self, "start"):start(...)
  if not started then
    return nil, problem
  end
  return self
end

function thread:join(...)
  return inner(self, "join"):join(...)
end

function thread:alive()
  return inner(self, "alive"):alive()
end

function thread:started()
  return inner(self, "started"):started()
end

function thread:detached()
  return inner(self, "detached"):detached()
end

function thread:joinable()
  return inner(self, "joinable"):joinable()
end

function thread:interrupt(...)
  return inner(self, "interrupt"):interrupt(...)
end

local ex = {}

function ex.new(source, ...)
  local code, prelude, lua_init, misuse = read_source(source)
  if misuse then
    error(argument_error(1, misuse), 2)
  end
  local child, position, problem =
    core.try_new(BOOTSTRAP, lua_init, prelude, code, ...)
  if not child then
    if position then
      problem = argument_error(position - EXTRA_ARGUMENTS, problem)
    end
    error(problem, 2)
  end
  return setmetatable({ thread = child }, thread)
end

return ex
