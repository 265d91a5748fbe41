-- SPDX-License-Identifier: MIT
--
-- One line on stderr that says how far the suite is, if a person looks at it.

local native = require "bench_native"

local progress = {}

local width = 0

local function draw(text)
  if not native.is_watched() then return end
  io.stderr:write("\r", text, (" "):rep(width - #text), "\r")
  width = #text
end

function progress.show(number, all, name, round)
  draw(("[%d/%d] %s, round %d"):format(number, all, name, round))
end

function progress.clear()
  draw("")
end

return progress
