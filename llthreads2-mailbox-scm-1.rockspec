-- SPDX-License-Identifier: MIT
--
-- `luarocks make`, in a checkout, builds and installs what is there. The rockspec
-- of a release is made of this one: docs/packaging.md.
rockspec_format = "3.0"
package = "llthreads2-mailbox"
version = "scm-1"
source = {
  -- There is no public address, and `luarocks make` does not ask for it.
  url = "git+file://.",
}
description = {
  summary = "OS threads and channels; a drop-in for llthreads2 and llthreads",
  detailed = [[
Real operating system threads for Lua. Each thread runs a Lua state of its own;
values are copied between states as typed messages through lock-free mailboxes.
The modules are llthreads2, llthreads2.ex, llthreads2.channel, and, under their
older names, llthreads and llthreads.ex.]],
  license = "MIT",
  labels = { "threads", "concurrency" },
}
supported_platforms = { "linux" }
-- LuaJIT counts as 5.1.
dependencies = { "lua >= 5.1, < 5.6" }
-- For 5.1, 5.2 and LuaJIT also lua-compat-5.3, whose C files are no rock.
external_dependencies = {
  CK = { header = "ck_pr.h", library = "ck" },
}
build = {
  type = "cmake",
  variables = {
    -- The headers say which Lua it is.
    LUA_INCLUDE_DIR = "$(LUA_INCDIR)",
    LLTHREADS2_LUADIR = "$(LUADIR)",
    LLTHREADS2_CDIR = "$(LIBDIR)",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    CMAKE_PREFIX_PATH = "$(CK_DIR)",
    BUILD_TESTING = "OFF",
  },
  copy_directories = { "docs", "examples" },
}
