-- SPDX-License-Identifier: MIT
-- One attempt at a scenario, in a state that was made for it. Gets the module
-- `faults`, the scenario and whether it is the children whose calls fail.
--
-- A scenario is a function that gets `h`, the functions below, and returns a
-- table:
--
--   before()       makes ready for a run
--   run()          what is tested; returns, or raises, anything
--   passed(...)    checks what it has returned
--   failed(why)    checks that nothing has happened, when it has raised
--   after()        lets go of everything
--   texts          patterns of what it may raise, beside "not enough memory"
--
-- `run` is called twice: with calls that fail, and once more with none.

local faults, scenario, child_fails = ...
local h = { here = faults.here }

local NO_MEMORY = "not enough memory"
-- What the system says that refuses a thread.
h.NO_THREAD = { "^Cannot allocate memory$",
  "^Resource temporarily unavailable$" }
local FROM_CHILD = "Error from child thread: "
local FROM_THREAD = "Error from thread: "

-- Collects everything that can be collected.
function h.collect()
  for _ = 1, 3 do collectgarbage() end
end

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

function h.equal(expected, got, what)
  if expected ~= got then
    error(("%s: %s instead of %s"):format(what or "result", show(got),
      show(expected)), 2)
  end
end

-- Whether the values are the expected ones.
function h.values(expected, ...)
  h.equal(expected.n or #expected, select("#", ...), "number of values")
  for i, value in ipairs(expected) do
    h.equal(value, (select(i, ...)), "value " .. i)
  end
end

-- Whether these errors are the expected ones, or for want of memory.
function h.texts(expected, ...)
  for i, text in ipairs(expected) do
    local got = select(i, ...)
    if got ~= NO_MEMORY then h.equal(text, got, "error " .. i) end
  end
end

-- Results that are nil and a reason raise the reason.
function h.must(result, problem, ...)
  if result == nil then error(problem, 0) end
  return result, problem, ...
end

-- What join returns, without the `true`.
function h.joined(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

local tick = 0
local quiet = faults.threads()

-- Waits until the condition holds.
function h.eventually(condition)
  local deadline = os.time() + 20
  while not condition() do
    tick = tick + 1
    assert(os.time() <= deadline, "waited in vain")
  end
end

-- Waits until no thread runs but those that ran when the attempt began.
function h.settle()
  assert(faults.settle(quiet), "threads do not end")
end

-- The state of a thread object as it says itself.
function h.state(thread)
  return tostring(thread):match("%((.-)%)$")
end

-- Strings that are lent as arguments and results, and a buffer as messages.
local BASE = ("text"):rep(100)
local LONG, LENT = BASE:rep(165), BASE:rep(170)

-- Something of every kind that travels, and a check of what arrives.
function h.cargo(channel)
  local shared = { "shared" }
  local cycle = {}
  cycle.cycle = cycle
  local records = {}
  for i = 1, 9 do records[i] = { name = "n" .. i, number = i, s = shared } end
  local closure = ("x"):gmatch("x")
  for i = 1, 3 do debug.setupvalue(closure, i, i == 1 and shared or i) end
  local deep = { "core" }
  for _ = 2, 35 do deep = { deep } end
  return LONG, records, shared, deep, print, closure, channel,
    { [channel] = cycle, f = closure, text = BASE }, nil, 0.5,
    LENT, nil
end

function h.check_cargo(channel, ...)
  h.equal(12, select("#", ...), "number of values")
  local long, records, shared, deep, f, closure, ch, all, none, half, lent = ...
  h.equal(LONG, long, "the long string")
  h.equal(LENT, lent, "the other long string")
  h.equal(9, #records, "the records")
  for i, record in ipairs(records) do
    assert(record.name == "n" .. i and record.number == i
      and record.s == shared, "a record is wrong")
  end
  h.equal("shared", shared[1], "the shared table")
  for _ = 2, 35 do deep = deep[1] end
  h.equal("core", deep[1], "the deep table")
  -- In 5.1 and LuaJIT each C function is an object.
  if unpack then
    h.equal("function", type(f), "the function")
  else
    h.equal(print, f, "the function")
  end
  -- In 5.1 debug does not reach them.
  local reached, upvalue = debug.getupvalue(closure, 1)
  if reached then h.equal(shared, upvalue, "the upvalue") end
  h.equal(closure, all.f, "the closure")
  h.equal(BASE, all.text, "the text")
  assert(none == nil and half == 0.5, "small values")
  if channel then h.equal(channel, ch, "the channel") end
  local key = next(all, nil)
  while type(key) ~= "userdata" do key = next(all, key) end
  h.equal(ch, key, "the channel as a key")
  h.equal(all[key], all[key].cycle, "the cycle")
end

local function nothing() end

-- Lua 5.4 does not survive a lack of memory in a state's first buffer: all
-- later ones are refused as "non-closable".
assert(#("x"):rep(2000) == 2000)

local s = scenario(h)
local function allowed(text)
  if text == NO_MEMORY then return true end
  -- Before 5.4 with a traceback, if it has been raised again.
  if child_fails and text:sub(1, #FROM_CHILD + #NO_MEMORY)
    == FROM_CHILD .. NO_MEMORY then return true end
  for _, pattern in ipairs(s.texts or {}) do
    if text:find(pattern) then return true end
  end
  return false
end

-- What children have reported is what `join` has told, or nothing.
local function check_reports(problem, was_hit)
  local reports = faults.reports()
  if s.reports then return s.reports(reports, problem, was_hit) end
  local text = problem and problem:match("^" .. FROM_CHILD .. "(.*)$")
  h.equal(text and FROM_THREAD .. text .. "\n" or "", reports, "the report")
end

local function check_problem(problem)
  if type(problem) ~= "string" or not allowed(problem) then
    error("raised: " .. show(problem), 0)
  end
end

local function judge(hits, ok, ...)
  local problem = not ok and (...) or nil
  if ok then
    (s.passed or nothing)(...)
  else
    assert(hits > 0, problem)
    check_problem(problem)
  end
  check_reports(problem, hits > 0)
  if not ok then (s.failed or nothing)(problem) end
end

local function step(name)
  return (s[name] or nothing)()
end

step "before"
judge(faults.call(s.run))
h.collect()
step "before"
judge(0, pcall(s.run))
step "after"
s = nil
h.collect()
h.settle()
h.collect()
local core = package.loaded["llthreads2.core"]
local left = {}
for kind, count in pairs(core and core.live() or {}) do
  -- The attempt's own thread may have needed one.
  if kind == "waiters" then count = math.max(count - 1, 0) end
  if count ~= faults.before(kind, count) then
    left[#left + 1] = count .. " " .. kind
  end
end
if #left > 0 then error("left: " .. table.concat(left, ", "), 0) end
