-- SPDX-License-Identifier: MIT
---@meta llthreads.ex

---The library's first name: `require "llthreads.ex"` is
---`require "llthreads2.ex"`.
---@type llthreads2.ex
local ex = require "llthreads2.ex"

return ex
