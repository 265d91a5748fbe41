-- SPDX-License-Identifier: MIT
-- How a spec and a child thread meet without sleeping: a loopback socket that
-- both block on, with a time limit on every wait, so that a broken library
-- makes a test fail instead of hanging the suite.

local files = require "support.files"
local lua = require "support.lua"
local socket = require "socket"
local monotime = require "system".monotime

local sync = {}

-- The longest wait for anything that happens at once in a healthy library. It
-- is generous because it is only ever spent when a test fails.
sync.PATIENCE = 20

-- The first words of a child's program: `link` is its end of the socket, the
-- port of the door being the child's first argument. One line, so that the
-- program keeps its own line numbers.
sync.LINK = [[local link = assert(require("socket").connect("127.0.0.1", (...)))
link:settimeout(20) ]]

-- Defines `thread_id()`, which names the operating system's thread that runs
-- it: finalisers use it to tell who closes a state.
sync.THREAD_ID = [[local function thread_id()
  local file = assert(io.open("/proc/thread-self/stat"))
  local id = file:read("*n")
  file:close()
  return id
end ]]

-- Defines `spin()`, which keeps a processor busy in Lua code until the thread
-- is interrupted, but not for ever.
sync.SPIN = [[local function spin()
  local limit = os.time() + 20
  while os.time() < limit do end
end ]]

-- Defines `settled()`, which waits until all threads have gone, but not for
-- ever, and returns what is still there.
sync.SETTLED = [[local function settled()
  local live, limit = require("llthreads2.core").live, os.time() + 20
  repeat collectgarbage() until live().threads == 0 or os.time() > limit
  return live()
end ]]

-- Silences the report of a child that fails on purpose.
sync.QUIET = [[require("llthreads2").set_logger(function() end) ]]

sync.thread_id = lua.load(sync.THREAD_ID .. "return thread_id()", "=thread_id")
sync.now = monotime

-- The seconds that a call takes, and its results, packed.
function sync.timed(f, ...)
  local start = monotime()
  local results = lua.pack(f(...))
  return monotime() - start, results
end

-- A door is a listening socket: give `door.port` to a child whose program
-- begins with LINK, and `door:answer()` returns the spec's end.
local Door = {}
Door.__index = Door

function sync.door()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  return setmetatable({ server = server, port = tonumber(port) }, Door)
end

function Door:answer()
  self.server:settimeout(sync.PATIENCE)
  local link = assert(self.server:accept())
  link:settimeout(sync.PATIENCE)
  return link
end

-- True when nobody has knocked so far.
function Door:is_quiet()
  self.server:settimeout(0)
  return self.server:accept() == nil
end

-- Returns the line that has already arrived, or nil; never waits.
function sync.heard(link)
  link:settimeout(0)
  local line = link:receive()
  link:settimeout(sync.PATIENCE)
  return line
end

-- Starts a child that has met the spec, so it is running: returns the thread
-- and the spec's end of the link. `flags` is a packed list of start flags.
function sync.meet(code, flags, ...)
  local door = sync.door()
  local new = require "llthreads2".new
  local thread = new(sync.LINK .. code, door.port, ...)
  flags = flags or { n = 0 }
  assert(thread:start(lua.unpack(flags, 1, flags.n or #flags)))
  return thread, door:answer()
end

-- Gives the processor away without a fixed delay: an empty thread is started
-- and joined.
function sync.yield()
  require "llthreads2".new(""):start():join()
end

-- Asks again and again until `condition()` is true; false after `seconds`.
function sync.eventually(condition, seconds)
  local deadline = monotime() + (seconds or sync.PATIENCE)
  while not condition() do
    if monotime() > deadline then return false end
    sync.yield()
  end
  return true
end

-- Waits until the thread of this process with the id `tid` sleeps in the
-- kernel; false when it never does.
function sync.asleep(tid)
  local path = ("/proc/self/task/%d/stat"):format(tid)
  return sync.eventually(function()
    return files.contents(path):match("%) (%a)") == "S"
  end)
end

-- Collects everything that can be collected. Finalisers free what they own
-- one cycle after they have run, hence more than one cycle. What LuaJIT has
-- compiled refers to the functions it was compiled from, and they to all that
-- they use.
function sync.collect()
  if lua.jit then rawget(_G, "jit").flush() end
  for _ = 1, 3 do collectgarbage() end
end

-- Random numbers of a test are drawn from a seed that a failure can name and
-- the environment variable LLTHREADS2_SEED can repeat.
function sync.seed()
  local seed = tonumber(os.getenv("LLTHREADS2_SEED")) or os.time()
  math.randomseed(seed)
  return seed
end

return sync
