-- SPDX-License-Identifier: MIT
-- What is not the same in every Lua, for specs and programs that run in all of
-- them. Nothing here is the library's.

local lua = {}

-- 5.1 to 5.5, and the name with which the interpreter introduces itself.
lua.version = tonumber(_VERSION:match("%d+%.%d+"))
lua.name = rawget(_G, "jit") and "LuaJIT" or _VERSION
lua.jit = lua.name == "LuaJIT"

-- Integers are another kind of number than floats.
lua.has_integers = lua.version >= 5.3
-- Tables have finalisers; elsewhere only userdata do.
lua.finalises_tables = lua.version >= 5.2
-- A weak table lets go of a key that only its own value refers to.
lua.has_ephemerons = lua.version >= 5.2
-- `os.exit(code, true)` closes the state; elsewhere it only exits.
lua.exit_closes = lua.version >= 5.2 or lua.jit
-- Functions have environments.
lua.has_environments = lua.version == 5.1
-- `debug` reaches the upvalues of C functions.
lua.reaches_c_upvalues = debug.getupvalue(("x"):gmatch("x"), 1) ~= nil
-- A number of values that is too large for one call, and one that is not.
lua.TOO_MANY = lua.version == 5.1 and 8000 or 1000000
lua.MANY = lua.version == 5.1 and 7000 or 200000

lua.unpack = table.unpack or unpack
-- All of them in a table, which shows trailing nils.
lua.pack = table.pack or function(...)
  return { n = select("#", ...), ... }
end
-- Makes a function of source text.
lua.load = rawget(_G, "loadstring") or load
lua.setfenv = rawget(_G, "setfenv")

-- A number that is an integer by value, as one by its kind, if there is one.
lua.integer = math.tointeger or function(number) return number end

-- Where a module is found by a path of the kind of `package.path`, or nil.
lua.searchpath = package.searchpath or function(name, path)
  for template in path:gmatch("[^;]+") do
    local place = template:gsub("%?", (name:gsub("%.", "/")))
    local file = io.open(place)
    if file then
      file:close()
      return place
    end
  end
end

-- Adds all of `more` at the end of the list, and returns the list.
function lua.append(list, more)
  local length = #list
  for i = 1, #more do list[length + i] = more[i] end
  return list
end

-- ---- for programs ----

-- Defines `unpack`, `pack`, and `finalised(f)`: an object that calls `f` when
-- it is collected. One line, so that a program keeps its own line numbers.
lua.TOOLS = ([[
local unpack = table.unpack or unpack
local pack = table.pack or function(...)
  return { n = select("#", ...), ... }
end
local function finalised(f)
  if not newproxy then return setmetatable({}, { __gc = f }) end
  local object = newproxy(true)
  getmetatable(object).__gc = f
  return object
end ]]):gsub("\n", " ")

-- An object that calls `f` when it is collected.
lua.finalised = lua.load(lua.TOOLS .. "return finalised", "=tools")()

-- Defines `pointer()`, a light userdata: the library has some for keys.
lua.POINTER = [[local function pointer()
  require "llthreads2"
  for key in pairs(debug.getregistry()) do
    if type(key) == "userdata" then return key end
  end
end ]]

lua.pointer = lua.load(lua.POINTER .. "return pointer()", "=pointer")

return lua
