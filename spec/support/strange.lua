-- SPDX-License-Identifier: MIT
-- Values of every kind, for functions that are not made for most of them.

local ex = require "llthreads2.ex"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local lua = require "support.lua"

local strange = {}

local function forbidden() error("a metamethod was called") end

local hostile = setmetatable({}, { __index = forbidden, __len = forbidden,
  __newindex = forbidden, __eq = forbidden, __pairs = forbidden,
  __call = forbidden, __close = forbidden, __name = "hostile" })

local function lua_function() end

-- A C function that cannot travel, since its upvalue cannot.
strange.wrapped = coroutine.wrap(lua_function)

local closed_file = io.tmpfile()
closed_file:close()

-- All of them, nil first. Some are objects of ours, and new ones each time.
function strange.values()
  return nil, true, false, 0, -1, 1.5, 0 / 0, math.huge, -math.huge,
    math.maxinteger or 2^63, math.mininteger or -2^63, 2^53, 1e308, 5e-324,
    "", "x", "0", "-1", "nan", "\0", ("x"):rep(100000), {}, { 1 }, { x = 1 },
    hostile, print, lua_function, coroutine.create(lua_function),
    (coroutine.running()), io.stdout, closed_file, channel.new(),
    llthreads.new(""), ex.new(""), lua.pointer(), ("x"):gmatch("x"),
    strange.wrapped
end

local function step(all, place)
  if place < all.n then return place + 1, all[place + 1] end
end

-- For a loop over values some of which are nil: each with its place.
function strange.each(...)
  return step, lua.pack(...), 0
end

-- The name that messages have for its type.
function strange.type_name(value)
  local meta = debug.getmetatable(value)
  local name = type(value) ~= "string" and meta and rawget(meta, "__name")
  if type(name) == "string" then return name end
  if type(value) == "userdata" and not meta then return "light userdata" end
  return type(value)
end

-- The names of the functions in a table, in their order.
function strange.names(t)
  local names = {}
  for name, value in pairs(t) do
    if type(value) == "function" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

return strange
