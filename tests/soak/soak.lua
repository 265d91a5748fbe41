-- SPDX-License-Identifier: MIT
-- The soak: rounds at random until the time is up, with a ledger of every
-- message. run.sh runs this program and watches over it. Environment:
--
--   SOAK_SECONDS   how long, 60 seconds by default
--   SOAK_ROUNDS    how many rounds at the least, 1 by default
--   SOAK_SEED      the seed, which is printed; it is drawn if there is none
--   SOAK_ROUND     the one round that is played again and again
--   SOAK_SCALE     how large the rounds are, 1 by default
--   SOAK_BEAT      a file that says what the program is at (run.sh)
--   SOAK_READING   seconds between readings of the memory
--   SOAK_SETTLE    seconds for what is detached to end after a round
--   SOAK_CANARY    a fault that has to be found (calls.lua)
--
-- Each round has a seed of its own. To repeat a round repeats what its threads
-- do, but not when they do it.

local native = require "soak_native"
local calls = require "tests.soak.calls"
local resources = require "tests.soak.resources"
local round = require "tests.soak.round"

local function setting(name, default)
  local text = os.getenv("SOAK_" .. name) or ""
  if text == "" then return default end
  return tonumber(text)
    or error(("SOAK_%s is no number: %s"):format(name, text))
end

-- Before 5.4 the first number that Lua draws is the same in each process.
local function drawn_seed()
  return math.floor(native.now() * 1e6 + os.time()) % 16777216
end

local SECONDS = setting("SECONDS", 60)
local SEED = setting("SEED") or drawn_seed()
local ROUND = setting("ROUND")
local ROUNDS = setting("ROUNDS", 1)
local SCALE = setting("SCALE", 1)
local READING = setting("READING", math.max(0.5, SECONDS / 600))
local SETTLE = setting("SETTLE", 20)

local function say(...)
  io.stdout:write(string.format(...), "\n")
  io.stdout:flush()
end

-- ---- the beat ----

local current = 0

local function phase(what)
  local path = os.getenv("SOAK_BEAT")
  if not path then return end
  local file = assert(io.open(path, "w"))
  file:write(("SEED=%d ROUND=%d (%s)\n"):format(SEED, current, what))
  file:close()
end

-- ---- figures ----

local totals, readings = { rounds = 0 }, {}
local started = native.now()

local function elapsed() return native.now() - started end

local function total(name) return totals[name] or 0 end

local function add(counts)
  for name, number in pairs(counts) do totals[name] = total(name) + number end
end

local function megabytes(bytes) return bytes / 2 ^ 20 end

local function progress()
  local last = readings[#readings]
  say("%4d s: %d rounds, %d threads, %d messages, %.0f MB resident, "
    .. "%.0f allocated", math.floor(elapsed()), total("rounds"),
    total("threads"), total("acked"), megabytes(last.resident),
    megabytes(last.allocated))
end

local function growth(kind)
  local bytes = resources.growth(readings, kind)
  return bytes and ("%+.1f MB"):format(megabytes(bytes)) or "not judged"
end

local FIGURES = {
  { "rounds", "rounds" },
  { "threads", "threads started" }, { "attempts", "sends attempted" },
  { "acked", "messages sent" }, { "received", "messages received" },
  { "cleared", "messages cleared" }, { "full", "sends refused: full" },
  { "timeout", "sends refused: timeout" },
  { "closed", "sends refused: closed" }, { "selects", "selects" },
  { "polls", "polls" }, { "vain polls", "polls in vain" },
  { "peeks", "peeks" }, { "clears", "clears" },
  { "closes", "early closes" }, { "interrupts", "interrupts sent" },
  { "raised", "interrupts raised" }, { "errors", "errors" },
  { "lives", "lives of threads" }, { "bytes", "bytes of strings sent" },
}

local function summary()
  readings[#readings + 1] = resources.read()
  for _, figure in ipairs(FIGURES) do
    say("%-25s %14d", figure[2], total(figure[1]))
  end
  local last = readings[#readings]
  say("resident: peak            %14.1f MB", megabytes(resources.peak()))
  say("resident: final           %14.1f MB, growth %s",
    megabytes(last.resident), growth("resident"))
  say("allocated: final          %14.1f MB, growth %s",
    megabytes(last.allocated), growth("allocated"))
  say("descriptors               %14d", last.descriptors)
  say("seconds                   %14.1f", elapsed())
end

-- ---- rounds ----

local function seed_of(number)
  local first = (SEED % 2147483647 + 1) * 48271 % 2147483647
  return (first + number) * 69621 % 2147483647
end

local function play(number, base)
  current = number
  add(round.play(seed_of(number), SCALE, phase))
  calls.leave()
  phase("settle")
  resources.settle(base, SETTLE)
  add { rounds = 1 }
end

local function read_if_due(last)
  if elapsed() - last < READING then return last end
  readings[#readings + 1] = resources.read()
  return elapsed()
end

-- Plays rounds until the time is up.
local function soak()
  phase("before the first")
  local base = resources.base()
  local last_reading, last_word = -READING, 0
  local interval = math.max(10, SECONDS / 60)
  repeat
    play(ROUND or total("rounds") + 1, base)
    last_reading = read_if_due(last_reading)
    if elapsed() - last_word >= interval then
      progress()
      last_word = elapsed()
    end
  until elapsed() >= SECONDS and total("rounds") >= ROUNDS
end

local function again()
  return ("SEED=%d%s"):format(SEED, ROUND and " ROUND=" .. ROUND or "")
end

say("soak: %s SECONDS=%g", again(), SECONDS)
local ok, problem = xpcall(function()
  soak()
  resources.check(readings)
end, function(problem)
  return type(problem) == "string" and problem or debug.traceback(problem)
end)
summary()
if ok then
  phase("exit")
  say("soak: passed, %s", again())
  os.exit(0, true)
end
say("soak: FAILED in round %d: %s\nTo repeat it: SEED=%d ROUND=%d", current,
  tostring(problem), SEED, current)
-- At once: threads may be waiting for what will not come.
os.exit(1, false)
