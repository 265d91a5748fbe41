-- SPDX-License-Identifier: MIT
-- What is in a message: its number, and values that follow from the number, so
-- that whoever receives it knows what must be in it.
--
-- The number says where the message belongs: 3 bits are its channel, 24 its
-- sender, 26 count that sender's attempts; more would not fit where all numbers
-- are floats. What kind of values come with it, and which, is decided by its
-- hash, and by a profile: how often each kind is drawn.

local lua = require "support.lua"
local channel = require "llthreads2.channel"

local floor = math.floor

local payload = {}

-- So many bits of a number, above the first ones.
local function bits(number, first, count)
  return floor(number / 2 ^ first % 2 ^ count)
end

local ATTEMPTS = 67108864 -- 2^26
local STREAMS = 16777216 -- 2^24
payload.MOST_ATTEMPTS = ATTEMPTS - 1

function payload.number(place, sender, attempt)
  return (place * STREAMS + sender) * ATTEMPTS + attempt
end

function payload.place(number)
  return bits(number, 50, 3)
end

-- Channel and sender together: what is in order.
function payload.stream(number)
  return bits(number, 26, 27)
end

function payload.attempt(number)
  return number % ATTEMPTS
end

function payload.describe(number)
  return ("message %d of sender %d on channel %d"):format(
    number % ATTEMPTS, bits(number, 26, 24), payload.place(number))
end

-- An integer, where there are any.
function payload.is_number(value)
  if lua.has_integers then return math.type(value) == "integer" end
  return type(value) == "number"
end

-- Below this prime number products of two factors are exact.
local PRIME = 2147483647

-- 51 bits.
local function hash(number)
  local a = (number % ATTEMPTS + 1) * 48271 % PRIME
  a = (a + floor(a / 65536) + payload.stream(number)) * 69621 % PRIME
  local b = (a + floor(a / 4096)) * 16807 % PRIME
  return a * 1048576 + b % 1048576
end

-- As many bits as an integer has; a large float where there are none.
local function wide(h)
  return h * 0x9E3779B97F4A7C15
end

-- ---- what values are made of ----

-- Text of all bytes without a period, of which strings are parts.
local TEXT
do
  local pieces, state = {}, 88172645
  for i = 1, 16384 do
    state = state * 48271 % PRIME
    pieces[i] = string.char(bits(state, 12, 8))
  end
  TEXT = table.concat(pieces)
end

local function text(h, length)
  local first = bits(h, 20, 31) % (#TEXT - length) + 1
  return TEXT:sub(first, first + length - 1)
end

local function record(h)
  return { id = wide(h), name = text(h, 12), ok = h % 2 == 0, size = h / 3,
    tags = { "one", "two", text(h, 3) }, place = { x = h % 256, y = -0.0 } }
end

-- ---- whether two values are the same ----

local same

local function same_table(a, b, seen)
  if seen[a] or seen[b] then return seen[a] == b and seen[b] == a end
  seen[a], seen[b] = b, a
  for key, value in next, a do
    if not same(value, rawget(b, key), seen) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end

local number_type = math.type or type

-- Whether both are the same graph: also NaN is NaN, and an integer no float.
function same(a, b, seen)
  if type(a) == "table" and type(b) == "table" then
    return same_table(a, b, seen)
  end
  if a ~= a then return b ~= b end
  return a == b and number_type(a) == number_type(b)
    and (a ~= 0 or 1 / a == 1 / b)
end

function payload.same(a, b)
  if a.n ~= b.n then return false end
  return same(a, b, {})
end

-- ---- channels in messages ----

-- A channel with messages in it, some of which the receiver takes. What it
-- leaves is dropped with the channel.
local function filled(h)
  local count = bits(h, 8, 3)
  local capacity = h % 2 == 0 and count + 1 or nil
  local inner = channel.new(capacity)
  for i = 1, count do assert(inner:send(i, h, { inner = h })) end
  if bits(h, 1, 1) ~= 0 then inner:close() end
  return inner, count
end

local function empties(inner, h, left)
  if bits(h, 2, 1) == 0 then return true end
  local problem = bits(h, 1, 1) ~= 0 and "closed" or "timeout"
  if inner:clear() ~= left then return false end
  -- An interrupt that is there already is raised before the time is up.
  local unharmed, ok, reason = pcall(inner.receive, inner, 0)
  return not unharmed and problem == "timeout"
    or ok == nil and reason == problem
end

local function is_filled(h, count)
  local amount = bits(h, 8, 3)
  if count ~= amount then return false end
  return amount
end

-- Takes what is to be taken; whether all of it is as it should be.
local function use(inner, h, amount, receive)
  local taken = bits(h, 11, 20) % (amount + 1)
  for i = 1, taken do
    local ok, k, number, more = receive()
    if not (ok and k == i and number == h and more.inner == h) then
      return false
    end
  end
  local left = amount - taken
  return inner:count() == left and empties(inner, h, left)
end

-- ---- kinds ----

-- `make` gives the values; `check` says whether they are right, for kinds
-- whose values are no plain data. `bytes` is what their strings amount to.
local kinds = {}

kinds.nothing = { make = function() end }

kinds.integer = {
  make = wide,
  check = function(h, ...)
    return select("#", ...) == 1 and payload.is_number(...) and wide(h) == ...
  end,
}

kinds.nils = { make = function(h) return nil, h, nil, nil end }

kinds.numbers = {
  make = function(h)
    return -0.0, 0, 0.0, 0 / 0, math.huge, -math.huge,
      math.mininteger or -2 ^ 63, h / 7, h, true, false
  end,
}

kinds.word = {
  make = function(h) return text(h, h % 32) end,
  bytes = function(h) return h % 32 end,
}

kinds.text = {
  make = function(h) return text(h, h % 4096), text(h, 5) end,
  bytes = function(h) return h % 4096 + 5 end,
}

kinds.record = {
  make = record,
  bytes = function() return 21 end,
}

kinds.list = {
  make = function(h)
    local list = {}
    for i = 1, h % 128 do list[i] = h + i end
    return list, #list
  end,
}

kinds.shared = {
  make = function(h)
    local one, two = { h }, { "two" }
    one.two, two.one = two, one
    return one, two, { one, two, one }, one
  end,
}

kinds.deep = {
  make = function(h)
    local top = { h }
    local bottom = top
    for i = 1, h % 98 do
      bottom.next = { i, top = top }
      bottom = bottom.next
    end
    bottom.next = top
    return top
  end,
}

kinds.records = {
  make = function(h)
    local list = {}
    for i = 1, h % 64 do list[i] = record(h + i) end
    return { records = list }
  end,
  bytes = function(h) return 21 * (h % 64) end,
}

-- In 5.1 a C function may arrive as another one that does the same.
local has_objects = lua.has_environments

local function has_a_function(list, value)
  for key, other in next, list do
    if other == value then return type(key) == "function" end
  end
end

kinds.functions = {
  make = function(h)
    return math.abs, { tonumber = tonumber, [select] = h }, string.rep
  end,
  check = function(h, abs, more, rep, ...)
    return select("#", ...) == 0 and abs(-7) == 7
      and more.tonumber("7") == 7 and rep("x", 3) == "xxx"
      and (has_objects and has_a_function(more, h)
        or more[select] == h and rep == string.rep)
  end,
}

-- Longer than what is lent when it is an argument or a result.
kinds.long = {
  make = function(h) return text(h, 4096):rep(17 + h % 32), h end,
  bytes = function(h) return 4096 * (17 + h % 32) end,
}

kinds.channel = {
  make = filled,
  check = function(h, inner, count, ...)
    local amount = is_filled(h, count)
    return amount and select("#", ...) == 0 and channel.is(inner)
      and use(inner, h, amount, function() return inner:receive(0) end)
  end,
  look = function(h, inner, count)
    return is_filled(h, count) and channel.is(inner)
  end,
}

-- The hash, with the bit that closes the channel.
local function closing(h)
  return h + 2 - 2 * bits(h, 1, 1)
end

-- The loop of such a channel is a C function that has a channel.
kinds.loop = {
  make = function(h)
    local inner, count = filled(closing(h))
    return { inner = inner, loop = inner:messages() }, count
  end,
  check = function(h, both, count)
    local amount = type(both) == "table" and is_filled(h, count)
    return amount and use(both.inner, closing(h), amount, function()
      return true, both.loop()
    end)
  end,
  look = function(h, both, count)
    return is_filled(h, count) and type(both.loop) == "function"
  end,
}

-- ---- profiles ----

-- How many of 64 messages are of which kind; the rest is integers.
local PROFILES = {
  light = { nothing = 8, word = 8, nils = 4 },
  mixed = { nothing = 6, nils = 4, numbers = 4, word = 10, text = 4,
    record = 8, list = 2, shared = 4, deep = 1, functions = 2, channel = 2,
    loop = 1 },
  heavy = { word = 4, text = 10, record = 10, list = 6, shared = 4, deep = 4,
    records = 6, functions = 2, long = 2, channel = 6, loop = 2 },
  handles = { channel = 40, loop = 10, functions = 4 },
}

payload.PROFILES = { "light", "light", "mixed", "mixed", "heavy", "handles" }

local drawn = {}
for name, shares in pairs(PROFILES) do
  local list, order = {}, {}
  for kind in pairs(shares) do order[#order + 1] = kind end
  table.sort(order)
  for _, kind in ipairs(order) do
    for _ = 1, shares[kind] do list[#list + 1] = kinds[kind] end
  end
  while #list < 64 do list[#list + 1] = kinds.integer end
  drawn[name] = list
end

local function kind_of(h, profile)
  return drawn[profile][bits(h, 40, 6) + 1]
end

-- ---- for senders and receivers ----

-- The values that come with a number, and the bytes of their strings.
function payload.values(number, profile)
  local h = hash(number)
  return kind_of(h, profile).make(h)
end

function payload.bytes(number, profile)
  local h = hash(number)
  local bytes = kind_of(h, profile).bytes
  return bytes and bytes(h) or 0
end

local function is_made(kind, h, ...)
  return payload.same(lua.pack(kind.make(h)), lua.pack(...))
end

-- Whether these are the values that come with the number. Uses up channels.
function payload.check(number, profile, ...)
  local h = hash(number)
  local kind = kind_of(h, profile)
  if kind.check then return kind.check(h, ...) end
  return is_made(kind, h, ...)
end

-- The same for a message that somebody else will receive.
function payload.look(number, profile, ...)
  local h = hash(number)
  local kind = kind_of(h, profile)
  local check = kind.look or kind.check
  if check then return check(h, ...) end
  return is_made(kind, h, ...)
end

return payload
