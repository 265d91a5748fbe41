-- SPDX-License-Identifier: MIT
-- luacheck: ignore 212 241 (declarations without bodies)
---@meta llthreads2.ex

---Threads from functions, strings, files or a table of options.
---@class llthreads2.ex
local ex = {}

---A piece of code: a Lua function, whose upvalues other than `_ENV` are nil in
---the thread; Lua source or bytecode; or `"@"` and the name of a file.
---@alias llthreads2.ex.code function|string

---What `new` takes besides a piece of code. Other keys are ignored.
---@class llthreads2.ex.options
---The thread's code; the first array element does as well.
---@field source? llthreads2.ex.code
---@field [1]? llthreads2.ex.code
---Runs before the code, with the thread's arguments; its results, which may be
---of any type, replace them. nil, false and `""` mean none.
---@field prelude? llthreads2.ex.code|false
---Runs before anything else. nil means the environment variable `LUA_INIT_5_4`
---(in Lua 5.4; in 5.1 and LuaJIT there is none with a version), or else
---`LUA_INIT`, as it was when the module was loaded; false and `""` mean none.
---@field lua_init? llthreads2.ex.code|false

---A thread, as an ordinary table: programs may put fields of their own on it.
---@class llthread.ex
---The thread as `llthreads2.new` makes it.
---@field thread llthread
---@field [any] any
local thread = {}

---Makes a thread; `start` runs it.
---
---The code receives the values as `...` and finds them in the global table
---`arg` too: `arg[1]` to `arg[arg.n]`, with the file name or `=(loadstring)` in
---`arg[0]`.
---
---Raises at the caller's line when `source` or one of its options has a wrong
---type, when a value cannot be copied (the message names its place) or is
---nested deeper than 100. Code that does not compile and a file that does not
---exist are reported by `join`.
---@param source llthreads2.ex.code|llthreads2.ex.options
---@param ... llthreads2.sendable what the prelude, or else the code, receives
---@return llthread.ex thread
function ex.new(source, ...) end

---Starts the thread. Any value but nil and false counts as true.
---
---Without arguments, or with `detached` alone, `joinable` is `not detached`; a
---second argument that is nil counts as false. A program does not wait at its
---end for a detached thread.
---
---A thread starts once: a second call gives nil, "Thread already started.".
---Where the operating system refuses, its message is the problem, and the
---thread can be started again.
---@overload fun(self: llthread.ex): llthread.ex?, string?
---@overload fun(self: llthread.ex, detached: any): llthread.ex?, string?
---@param detached any
---@param joinable any
---@return llthread.ex? thread itself
---@return string? problem why it did not start
function thread:start(detached, joinable) end

---Waits until the thread has ended and takes its results.
---
---After `true` come the results (`0` alone where the start flags keep none),
---after `false` the report of the error, and after nil why there was no join:
---"timeout", or a sentence about the state of the thread. A join that timed out
---may be repeated.
---
---The timeout may have a fraction. 0 does not wait; nil, a negative number and
---`math.huge` wait for ever.
---@param timeout? number|"0" milliseconds
---@return boolean? ok true: it ended well, false: it failed, nil: not joined
---@return any ... results, report or reason
function thread:join(timeout) end

---Whether the thread runs. It never waits, and leaves the results for `join`.
---@return boolean? alive true: it runs, false: it has ended, nil: see `problem`
---@return string? problem not started, already joined, or detached
function thread:alive() end

---Whether the thread has been started.
---@return boolean
function thread:started() end

---Whether the thread was started as detached; false before the start.
---@return boolean
function thread:detached() end

---Whether the thread was started as joinable; false before the start, and still
---true after a join.
---@return boolean
function thread:joinable() end

---Raises `llthreads2.interrupted_error` in the thread as soon as it runs Lua
---code; a thread that waits, in `join` or in a channel, wakes for it. It can be
---caught. Before the start it takes effect after it; on a thread that has ended
---or was started with `start(true)` it does nothing.
---
---nil raises once, true again and again, and false stops that.
---@param persistent? boolean
function thread:interrupt(persistent) end

return ex
