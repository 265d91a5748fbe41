-- SPDX-License-Identifier: MIT
-- The modules: loading them, and what belongs to a process.

local add = ...

-- What Lua says where a file cannot be opened or a library not be loaded, and
-- what the library says.
local function requiring(names)
  return load("local NAMES = " .. names .. [[

    local h = ...
    return {
      before = function()
        for _, name in ipairs(NAMES) do package.loaded[name] = nil end
      end,
      run = function()
        for _, name in ipairs(NAMES) do require(name) end
      end,
      passed = function()
        for _, name in ipairs(NAMES) do
          h.equal("table", type(require(name)), name)
        end
      end,
      texts = { "module 'll.*' not found:", "error loading module 'll",
        "cannot read ", "no thread%-specific key is left$" },
    }]])
end

add("require, the first in the process", { apart = true },
  requiring '{ "llthreads2.core" }')
add("the first thread and message in the process", { apart = true },
  function(h)
    local llthreads, ch
    return {
      before = function()
        llthreads = require "llthreads2"
        ch = require "llthreads2.channel".new()
      end,
      run = function()
        h.must(ch:send "message")
        local thread = llthreads.new("return (...):receive()", ch)
        h.must(thread:start())
        return h.joined(thread:join())
      end,
      passed = function(...) h.values({ true, "message" }, ...) end,
      failed = function()
        h.collect()
        ch:clear()
        h.settle()
      end,
      after = function() ch, llthreads = nil, nil end,
      texts = h.NO_THREAD,
    }
  end)

add("require, of the C module", requiring '{ "llthreads2.core" }')
-- Most of this is Lua's compiler. In 5.1 and LuaJIT a `require` that has failed
-- cannot be repeated, and leaves files open.
if not unpack then
  add("require, of all modules", { stride = 5 }, requiring [[{ "llthreads2",
    "llthreads2.ex", "llthreads2.channel", "llthreads", "llthreads.ex" }]])
end

add("version, set_logger, constants", function(h)
  local llthreads = require "llthreads2"
  local function logger() end
  return {
    run = function()
      llthreads.set_logger(logger)
      return llthreads.version()
    end,
    passed = function(major, minor, patch)
      h.equal(major .. "." .. minor .. "." .. patch,
        llthreads._VERSION:match("^[%d.]+"))
    end,
  }
end)
