-- SPDX-License-Identifier: MIT
-- Compares the ledgers of all workers of a round: each message that was
-- acknowledged has been received once, in its sender's order, or was cleared;
-- none has been received that was not acknowledged.

local payload = require "tests.soak.payload"

local ledger = {}

local function fault(problem, number)
  error(problem .. ": " .. payload.describe(number), 0)
end

-- Enters what was acknowledged into `state`: number -> whether it is due.
local function enter_acked(books, state, due)
  local count = 0
  for _, book in ipairs(books) do
    for _, number in ipairs(book.acked) do
      if state[number] ~= nil then fault("acknowledged twice", number) end
      state[number] = true
      local place = payload.place(number)
      due[place] = (due[place] or 0) + 1
    end
    count = count + #book.acked
  end
  return count
end

-- Crosses out what one worker has received.
local function cross_out(received, state, due)
  local last = {}
  for _, number in ipairs(received) do
    if state[number] == nil then fault("refused, and received", number) end
    if state[number] == false then fault("doubled", number) end
    state[number] = false
    local stream, attempt = payload.stream(number), payload.attempt(number)
    if attempt < (last[stream] or 0) then fault("out of order", number) end
    last[stream] = attempt
    local place = payload.place(number)
    due[place] = due[place] - 1
  end
  return #received
end

local function cleared_of(books)
  local total, cleared = 0, {}
  for _, book in ipairs(books) do
    for place, count in pairs(book.cleared) do
      cleared[place] = (cleared[place] or 0) + count
      total = total + count
    end
  end
  return total, cleared
end

local function missing(state, place)
  for number, is_due in pairs(state) do
    if is_due and payload.place(number) == place then return number end
  end
end

-- What is due on a channel has been cleared, no more and no less.
local function balance(state, due, cleared, place)
  local lost = due[place] - (cleared[place] or 0)
  if lost > 0 then
    fault(("%d lost on channel %d, with %d cleared; perhaps"):format(lost,
      place, cleared[place] or 0), missing(state, place))
  elseif lost < 0 then
    error(("%d more were cleared on channel %d than were there"):format(-lost,
      place), 0)
  end
end

-- Raises what is wrong; returns how many messages were acknowledged, received
-- and cleared.
function ledger.check(books)
  local state, due, received = {}, {}, 0
  local acked = enter_acked(books, state, due)
  for _, book in ipairs(books) do
    received = received + cross_out(book.received, state, due)
  end
  local total, cleared = cleared_of(books)
  for place in pairs(cleared) do due[place] = due[place] or 0 end
  for place in pairs(due) do balance(state, due, cleared, place) end
  return acked, received, total
end

return ledger
