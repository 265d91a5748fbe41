-- SPDX-License-Identifier: MIT
--
-- Requests and replies: one thread keeps an account, the others send it what
-- they want done, each together with a channel for the answer. There is no
-- lock, because only one thread ever touches the balance.
--
-- Prints:
--   withdraw 50: nil, there are only 0
--   4 clients have made 1000 deposits
--   the balance is 4000
--   withdraw 50: 3950
--   the account has answered 1003 requests

local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"

-- Ends when the channel of requests has been closed and is empty.
local function keep_account(requests)
  local balance, answered = 0, 0
  local commands = {}

  function commands.balance()
    return balance
  end

  function commands.deposit(amount)
    balance = balance + amount
    return balance
  end

  function commands.withdraw(amount)
    if amount > balance then return nil, "there are only " .. balance end
    return commands.deposit(-amount)
  end

  for reply, command, amount in requests:messages() do
    reply:send(commands[command](amount))
    answered = answered + 1
  end
  return answered
end

-- A client may keep one channel for all its answers if it always waits for one
-- before it asks again.
local function make_deposits(requests, number, amount)
  local reply = require("llthreads2.channel").new()
  for _ = 1, number do
    assert(requests:send(reply, "deposit", amount))
    assert(reply:receive())
  end
  return number
end

local requests = channel.new()
local account = assert(ex.new(keep_account, requests):start())

-- The question and, after true, the values of the answer. Each question has a
-- channel of its own, so an answer cannot be taken for that to another one.
local function ask(command, amount)
  local reply = channel.new()
  assert(requests:send(reply, command, amount))
  return select(2, reply:receive())
end

local function try_to_withdraw(amount)
  local rest, problem = ask("withdraw", amount)
  print(("withdraw %d: %s"):format(amount, rest or "nil, " .. problem))
end

try_to_withdraw(50)

local clients = {}
for i = 1, 4 do
  clients[i] = assert(ex.new(make_deposits, requests, 250, 4):start())
end

local deposits = 0
for _, client in ipairs(clients) do
  local ok, number = client:join()
  assert(ok, number)
  deposits = deposits + number
end
print(("%d clients have made %d deposits"):format(#clients, deposits))
print(("the balance is %d"):format(ask("balance")))
try_to_withdraw(50)

requests:close()
local ok, answered = account:join()
assert(ok, answered)
print(("the account has answered %d requests"):format(answered))
