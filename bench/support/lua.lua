-- SPDX-License-Identifier: MIT
--
-- What is not the same in every Lua, for programs that run in all of them.

local lua = {}

-- As people call it: "Lua 5.4", or "LuaJIT".
lua.name = rawget(_G, "jit") and "LuaJIT" or _VERSION

lua.unpack = table.unpack or unpack
lua.pack = table.pack or function(...)
  return { n = select("#", ...), ... }
end
-- Makes a function of source text.
lua.load = rawget(_G, "loadstring") or load

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

return lua
