-- SPDX-License-Identifier: MIT
-- The helper of every run: busted --helper=spec/support/harness.lua spec
--
-- After each test it collects all garbage and fails the test if a thread, a
-- message, a mailbox or a handle of the library is still alive. A test must
-- therefore keep its threads in local variables. Detached threads may still
-- be on their way out: they have a few seconds to end.
--
-- What a failed test has left behind is not held against the tests after it.
-- harness_spec.lua shortens those seconds by LLTHREADS2_PATIENCE.

local busted = require "busted"

-- The specs find their support files wherever the suite is started from.
local root = debug.getinfo(1, "S").source:match("^@(.*)spec/support/")
package.path = (root or "") .. "?.lua;" .. package.path

-- Loaded out here, the modules outlive the insulation of the spec files, so
-- all of them count on the same core.
local core = require "llthreads2.core"
local sync = require "spec.support.sync"
require "llthreads2"

local KINDS = { "threads", "messages", "mailboxes", "handles" }
local patience = tonumber(os.getenv("LLTHREADS2_PATIENCE")) or 10

local tolerated = {} -- what was alive before the test, by kind
local settled = true -- whether the last test came to its end and was clean

local function census()
  sync.collect()
  local live, counts = core.live(), {}
  for _, kind in ipairs(KINDS) do counts[kind] = live[kind] end
  return counts
end

local function leaks(counts)
  local found = {}
  for _, kind in ipairs(KINDS) do
    local number = assert(counts[kind], "live() does not count " .. kind)
    if number > (tolerated[kind] or 0) then
      found[#found + 1] = number .. " " .. kind
    end
  end
  return #found > 0 and table.concat(found, ", ")
end

-- Raises a failure, and not an error, inside the test that has just run.
local function expect_nothing_alive()
  local counts
  sync.eventually(function()
    counts = census()
    return not leaks(counts)
  end, patience)
  local left = leaks(counts)
  if left then busted.fail("left behind by this test: " .. left) end
  tolerated, settled = counts, true
end

-- The test itself is made to end with the check: only inside of it does
-- busted count a failure as that test's.
local function audited(body)
  return function(...)
    settled = false
    body(...)
    expect_nothing_alive()
  end
end

local audited_already = setmetatable({}, { __mode = "k" })

busted.subscribe({ "test", "start" }, function(element)
  if not settled then tolerated = census() end
  if not audited_already[element] then
    audited_already[element] = true
    element.run = audited(element.run)
  end
  return nil, true
end)
