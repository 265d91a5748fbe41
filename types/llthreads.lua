-- SPDX-License-Identifier: MIT
---@meta llthreads

---The library's first name: `require "llthreads"` is `require "llthreads2"`.
---@type llthreads2
local llthreads = require "llthreads2"

return llthreads
