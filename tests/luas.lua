-- SPDX-License-Identifier: MIT
-- luas.lua VERSION: the module that was built for Lua VERSION, in the Lua that
-- runs this: it works, or says what is wrong.

local built_for = "Lua " .. ...

-- 5.1 and LuaJIT introduce themselves by the same name, and share a module.
local function title(name)
  return name == "Lua 5.1" and "Lua 5.1 or LuaJIT" or name
end

local ok, llthreads = pcall(require, "llthreads2")
if _VERSION == built_for then
  assert(ok, llthreads)
  local results = require("llthreads2.channel").new()
  local code = "(...):send(_VERSION) return 6 * 7"
  local thread = llthreads.new(code, results):start()
  local _, product = assert(thread:join())
  local _, name = assert(results:receive(0))
  assert(product == 42 and name == _VERSION)
else
  assert(not ok, "it has been loaded")
  local expected = ("llthreads2 was built for %s, and this is %s"):format(
    title(built_for), title(_VERSION))
  assert(llthreads == expected, llthreads)
end
