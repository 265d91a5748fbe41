-- SPDX-License-Identifier: MIT
-- What comes of a call: the results of a thread that has to succeed, or the
-- error that is raised.

local ex = require "llthreads2.ex"
local llthreads = require "llthreads2"
local lua = require "support.lua"

local outcome = {}

local function results(thread)
  local all = lua.pack(thread:start():join())
  assert(all[1], all[2])
  return lua.unpack(all, 2, all.n)
end

-- The results of a thread with this code, which must not fail.
function outcome.results(code, ...)
  return results(llthreads.new(code, ...))
end

-- The same for what `ex.new` takes.
function outcome.results_of_ex(source, ...)
  return results(ex.new(source, ...))
end

-- What comes back of values that are sent to a thread as arguments.
function outcome.echo(...)
  return outcome.results("return ...", ...)
end

-- What `f` raises, which must raise something.
function outcome.raised(f, ...)
  local ok, problem = pcall(f, ...)
  if ok then error("nothing was raised", 2) end
  return problem
end

-- The same as a text without its position.
function outcome.problem(f, ...)
  return (tostring(outcome.raised(f, ...)):gsub("^[^\n]-:%d+: ", "", 1))
end

-- The message of a `new` that refuses its arguments, without its position.
function outcome.refusal(...)
  local arguments = lua.pack(...)
  return outcome.problem(function()
    local _ = llthreads.new("", lua.unpack(arguments, 1, arguments.n))
  end)
end

return outcome
