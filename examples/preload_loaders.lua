-- SPDX-License-Identifier: MIT
--
-- A host application may have modules built in, whose C loaders it keeps in
-- package.preload. A thread starts without them, but C functions can be handed
-- to it: here the child gets the loaders of its parent and requires by them.
--
-- Prints:
--   host.clock is a number
--   host.json is a ...

local llthreads2 = require "llthreads2"

-- The C function `symbol` of the first shared object that package.cpath finds.
local function find_loader(module, symbol)
  for template in package.cpath:gmatch("[^;]+") do
    local loader = package.loadlib(template:gsub("%?", module), symbol)
    if loader then return loader end
  end
end

-- This is what a host does in C. Any C function can be a loader: what it
-- returns is the module. Where lua-cjson is missing, `tostring` stands in.
package.preload["host.clock"] = os.clock
package.preload["host.json"] = find_loader("cjson", "luaopen_cjson")
  or tostring

local loaders = {
  ["host.clock"] = package.preload["host.clock"],
  ["host.json"] = package.preload["host.json"],
}

local thread = llthreads2.new([[
  local loaders = ...

  -- Without any path nothing but package.preload can find a module.
  package.path, package.cpath = "", ""
  for name, loader in pairs(loaders) do package.preload[name] = loader end

  for _, name in ipairs { "host.clock", "host.json" } do
    local module = require(name)
    local text = type(module)
    if text == "table" then
      text = "table that encodes: " .. module.encode { 1, true, "two" }
    end
    print(name .. " is a " .. text)
  end
]], loaders)

assert(thread:start())
assert(thread:join())
