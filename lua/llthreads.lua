-- SPDX-License-Identifier: MIT
--
-- The library's first name, for programs that still use it.

return require "llthreads2"
