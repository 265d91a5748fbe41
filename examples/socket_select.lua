-- SPDX-License-Identifier: MIT
--
-- A channel in a LuaSocket select loop: a server waits for its connection and
-- for the answers of a worker thread at the same time. The numbers that come
-- from the connection go to the worker, and what it makes of them goes back.
--
-- Prints:
--   the client has read: 2 squared is 4
--   the client has read: 12 squared is 144
--   the client has read: 111 squared is 12321
--   the client has read: good bye

local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"
local socket = require "socket"

-- Somebody to talk to: it sends numbers, says that these were all, and returns
-- the lines that it has read.
local function ask_for_squares(port)
  local connection = assert(require("socket").connect("127.0.0.1", port))
  for _, number in ipairs { 2, 12, 111 } do
    assert(connection:send(number .. "\n"))
  end
  connection:shutdown("send")
  local lines, line = {}, connection:receive()
  while line do
    lines[#lines + 1] = line
    line = connection:receive()
  end
  connection:close()
  return lines
end

local function square_all(numbers, answers)
  for n in numbers:messages() do answers:send(n, n * n) end
  answers:close()
end

local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
local client = assert(ex.new(ask_for_squares, port):start())

local numbers, answers = channel.new(), channel.new()
local worker = assert(ex.new(square_all, numbers, answers):start())

local connection = assert(server:accept())
connection:settimeout(0) -- select waits, nothing else does
local partial            -- the beginning of a line whose end has not come yet

-- What to do with one that can be read, and whether it stays open.
local handlers = {
  [connection] = function()
    local line, problem, rest = connection:receive("*l", partial)
    partial = rest
    if line then
      numbers:send(tonumber(line))
    elseif problem == "closed" then
      numbers:close() -- the worker will end, and so will the answers
      return false
    end
    return true
  end,

  [answers] = function()
    local ok, n, square = answers:receive(0)
    if ok then
      assert(connection:send(("%d squared is %d\n"):format(n, square)))
    elseif n == "closed" then
      assert(connection:send("good bye\n"))
      return false
    end
    return true
  end,
}

-- LuaSocket asks a channel for its file descriptor, as it asks a socket.
local waiting = { connection, answers }
while #waiting > 0 do
  local ready = socket.select(waiting)
  for i = #waiting, 1, -1 do
    local one = waiting[i]
    if ready[one] and not handlers[one]() then table.remove(waiting, i) end
  end
end
connection:close()

assert(worker:join())
local ok, lines = client:join()
assert(ok, lines)
for _, line in ipairs(lines) do print("the client has read: " .. line) end
