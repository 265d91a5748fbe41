-- SPDX-License-Identifier: MIT
--
-- On what the figures were measured.

local files = require "support.files"
local native = require "bench_native"

local machine = {}

local function first_line(command)
  return files.output(command .. " 2>/dev/null"):match("[^\n]+") or "unknown"
end

local function processor()
  for line in io.lines("/proc/cpuinfo") do
    local name = line:match("^model name%s*:%s*(.*)")
    if name then return name end
  end
  return first_line("uname -m")
end

-- A commit, and whether the sources are those of that commit.
local function commit()
  local name = first_line("git rev-parse --short=12 HEAD")
  local changed = first_line("git status --porcelain --untracked-files=no")
  return name .. (changed ~= "unknown" and " with changes" or "")
end

-- Which Lua runs, as exactly as it tells.
local function lua()
  local jit = rawget(_G, "jit")
  if jit then
    return jit.version .. (jit.status() and "" or ", not compiling")
  end
  return files.output(files.quoted(files.interpreter()) .. " -v 2>&1")
    :match("Lua [%d.]+") or _VERSION
end

-- A list of { title, text }.
function machine.describe()
  local core = require "llthreads2.core"
  return {
    { "processor", processor() },
    { "processors online", first_line("getconf _NPROCESSORS_ONLN") },
    { "kernel", first_line("uname -sr") },
    { "C library", first_line("getconf GNU_LIBC_VERSION") },
    { "compiler", native.compiler .. " " .. native.flags },
    { "Lua", lua() },
    { "Concurrency Kit", native.ck },
    { "llthreads2-mailbox", core._VERSION .. ", commit " .. commit() },
    { "measured", os.date("!%Y-%m-%d") },
  }
end

return machine
