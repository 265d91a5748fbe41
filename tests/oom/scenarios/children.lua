-- SPDX-License-Identifier: MIT
-- What a child does: its life, results, errors, and messages.

local add = ...

-- The child's calls fail, once it has called `here()`.
local GATED = { sides = { "child" }, gated = true }

-- FLAGS are those of start, and JOINS says whether join gives the results.
local WHOLE = [[
  local h = ...
  local llthreads = require "llthreads2"
  local ch = require "llthreads2.channel".new()
  local cargo = table.pack(h.cargo(ch))
  return {
    before = function() ch:clear() end,
    run = function()
      local thread = llthreads.new("return select('#', ...), ...",
        table.unpack(cargo, 1, cargo.n))
      h.must(thread:start(table.unpack(FLAGS)))
      return h.joined(thread:join())
    end,
    passed = function(...)
      if JOINS then
        h.equal(12, (...))
        h.check_cargo(ch, select(2, ...))
      else
        h.values({ 0 }, ...)
      end
    end,
    failed = h.settle,
    reports = function(text, problem)
      local nothing = "Error from thread: not enough memory\n"
      if JOINS then
        local told = problem and problem:find "^Error from child thread: "
        h.equal(told and nothing or "", text, "the report")
      elseif text ~= "" then
        h.equal(nothing, text, "the report")
      end
    end,
    texts = h.NO_THREAD,
  }]]

add("the whole life of a thread", { sides = { "child" } },
  load("local FLAGS, JOINS = {}, true " .. WHOLE))
add("the whole life of a thread that keeps to itself",
  { sides = { "child" }, stride = 5 },
  load("local FLAGS, JOINS = { false, false }, false " .. WHOLE))
add("new, start and join",
  load("local FLAGS, JOINS = {}, true " .. WHOLE))

-- A child runs the code, in which `here()` marks from where on calls fail and
-- `...` is a channel. `check` gets what join returns if it is no lack of
-- memory, and the channel.
local function running(code, check, loose)
  return load(("local CODE, CHECK, LOOSE = %q, %q, %s\n"):format(
    "local here, ch = ...; " .. code, string.dump(check), tostring(loose)) .. [[
    local h = ...
    local llthreads = require "llthreads2"
    local channel = require "llthreads2.channel"
    local check = load(CHECK)
    local ch, result
    return {
      before = function()
        -- A channel in its own queue is never collected.
        if ch then ch:clear() end
        result = nil
        h.collect()
        ch = channel.new()
        ch:send(h.cargo(ch))
        ch:send "last"
      end,
      run = function()
        local thread = llthreads.new(CODE, h.here, ch)
        h.must(thread:start())
        return thread:join()
      end,
      passed = function(ok, ...)
        h.settle()
        result = table.pack(ok, ...)
        -- Before 5.4 a lack of memory that is raised again is an error like
        -- any other, with a traceback.
        if ok or not (...):find "^Error from child thread: not enough memory"
        then
          check(h, ch, ok, ...)
        end
      end,
      -- The report is what join tells, or more, if there was no memory for
      -- telling it.
      reports = function(text, problem, was_hit)
        h.equal(nil, problem)
        if LOOSE and was_hit then return end
        local told = not result[1] and result[2]:match
          "^Error from child thread: (.*)$"
        if told and told:find "^not enough memory" and was_hit then
          assert(text:find "^Error from thread: .", "no report of: " .. told)
        else
          h.equal(told and "Error from thread: " .. told .. "\n" or "", text,
            "the report")
        end
      end,
      after = function()
        ch:clear()
        ch, result = nil, nil
      end,
    }]])
end

add("a child's results", GATED, running(
  "ch = table.pack(ch:receive()) here() return table.unpack(ch, 2, ch.n)",
  function(h, ch, ok, ...)
    h.equal(true, ok)
    h.check_cargo(ch, ...)
  end))

add("a child's results that cannot travel", GATED, running([[
  local function f() end
  local g = io.lines("/dev/null")
  local good = ("x"):gmatch("x")
  for i = 1, 3 do debug.setupvalue(good, i, i) end
  here()
  return f, io.stdout, coroutine.create(f), { 1, { f = f } }, g, good]],
  function(h, _, ok, f, file, co, deep, g, good)
    h.equal(true, ok)
    local prefix = "^Un%-supported value: "
    assert(f:find(prefix .. "function: 0x%x+$"))
    assert(file:find(prefix .. "userdata: 0x%x+$"))
    assert(co:find(prefix .. "thread: 0x%x+$"))
    assert(g:find(prefix .. "function: 0x%x+$"))
    h.equal(f, deep[2].f)
    h.equal("function", type(good))
  end))

add("a child's results that are too deep", GATED, running([[
  local t = {}
  for _ = 1, 101 do t = { t } end
  here()
  return t]],
  function(h, _, ...)
    h.values({ false,
      "Error from child thread: Hit maximum copy depth (101 > 100)." }, ...)
  end))

add("a child's error", GATED, running("here() error('told')",
  function(h, _, ok, text)
    h.equal(false, ok)
    assert(text:find "^Error from child thread: .*told\nstack traceback", text)
  end))

add("a child's error objects", GATED, running([[
  here()
  error(setmetatable({}, { __tostring = function(t)
    return "text " .. type(t)
  end }))]],
  function(h, _, ok, text)
    h.equal(false, ok)
    h.equal("Error from child thread: ", text:sub(1, 25))
    if text:sub(26) ~= "(no error message)" then
      h.equal("text table", text:sub(26))
    end
  end))

-- Where the logger cannot be called, the report goes to stderr.
add("a child's logger", GATED, function(h)
  local llthreads = require "llthreads2"
  local channel = require "llthreads2.channel"
  local ch, called, result
  return {
    before = function() ch, called = channel.new(), channel.new() end,
    run = function()
      -- Closing a channel needs no memory.
      local thread = llthreads.new([[
        local here, ch, called = ...
        require "llthreads2".set_logger(function(text)
          called:close()
          ch:send(text)
        end)
        here()
        error("told", 0)]], h.here, ch, called)
      thread:start()
      return thread:join()
    end,
    passed = function(...) result = table.pack(...) end,
    reports = function(text, _, was_hit)
      local told = result[2]:match "^Error from child thread: (.*)$"
      assert(told:find "^told\nstack traceback" or told == "not enough memory",
        result[2])
      h.equal(false, result[1])
      local logged = select(2, ch:receive(0))
      if logged ~= "timeout" then
        h.equal("", text)
        -- There may have been memory for the one, and none for the other.
        if told ~= "not enough memory" then
          h.equal("Error from thread: " .. told, logged)
        end
      else
        -- The logger had no memory, or there was none for calling it.
        assert(text:find "^Error from thread: ." and was_hit, "no report")
        assert(told == "not enough memory"
          or text == "Error from thread: " .. told .. "\n", text)
      end
    end,
    after = function() ch, called, result = nil, nil, nil end,
  }
end)

add("a child that receives and sends", GATED, running([[
  here()
  local message = table.pack(ch:receive())
  return ch:send(table.unpack(message, 2, message.n))]],
  function(h, ch, ok)
    h.equal(true, ok)
    h.equal(2, ch:count())
    h.values({ true, "last" }, ch:receive(0))
    h.check_cargo(ch, select(2, ch:receive(0)))
  end))

add("a child whose send fails has sent nothing", GATED, running([[
  local message = table.pack(ch:receive())
  here()
  local ok, problem = pcall(ch.send, ch, table.unpack(message, 2, message.n))
  return ok, problem, ch:count()]],
  function(h, _, ok, sent, problem, count)
    h.equal(true, ok)
    if sent then
      h.values({ true, 2 }, problem, count)
    else
      h.values({ "not enough memory", 1 }, problem, count)
    end
  end))

add("a child whose receive fails has taken nothing", GATED, running([[
  here()
  local ok, problem = pcall(ch.receive, ch)
  return ok, problem, ch:count()]],
  function(h, ch, ok, received, problem, count)
    h.equal(true, ok)
    if received then
      h.values({ true, 1 }, problem, count)
    else
      h.values({ "not enough memory", 2 }, problem, count)
      h.check_cargo(ch, select(2, ch:receive(0)))
    end
    h.values({ true, "last" }, ch:receive(0))
  end))

local SELDOM = { sides = { "child" }, gated = true, stride = 3 }

add("a child's child", SELDOM, running([[
  local llthreads = require "llthreads2"
  here()
  local thread = llthreads.new("return ...", ch, 5)
  local started, problem = thread:start()
  if not started then error(problem, 0) end
  local ok, same, five = thread:join()
  if not ok then error(same, 0) end
  return same, five]],
  function(h, ch, ok, same, five)
    if ok then
      h.values({ ch, 5 }, same, five)
    else
      assert(same:find "not enough memory"
        or same:find "Cannot allocate memory"
        or same:find "Resource temporarily unavailable", same)
    end
  end, true))

add("a child that makes channels and selects", GATED, running([[
  local channel = require "llthreads2.channel"
  here()
  collectgarbage()
  local one = channel.new { name = "one", capacity = 2 }
  local _, why = channel.select({ one, channel.new() }, 0.1)
  assert(why == "timeout")
  return one, channel.get "one", tostring(one)]],
  function(h, _, ok, one, same, text)
    if not ok then error(one, 0) end
    h.equal(one, same)
    assert(text:find "^channel %(one%)")
  end))
