-- SPDX-License-Identifier: MIT
-- Programs that treat their own process badly.

local assert = require "luassert"
local proc = require "spec.support.proc"

local hostile = {}

local PRELUDE = [[
local native = require "hostile_native"
local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local new = llthreads.new
io.stdout:setvbuf("no")
]]

-- A sanitizer's runtime does not expect what these programs do to themselves.
local OPTIONS = { prefix = "env ASAN_OPTIONS=detect_leaks=0", timeout = 50 }

-- Runs the program; expects what it writes and its exit code. Returns what it
-- has written to stderr.
function hostile.gives(out, code, text)
  return proc.gives(out, code, PRELUDE .. text, OPTIONS)
end

function hostile.gives_silently(out, code, text)
  assert.are.equal("", hostile.gives(out, code, text))
end

return hostile
