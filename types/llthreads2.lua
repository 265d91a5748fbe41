-- SPDX-License-Identifier: MIT
-- luacheck: ignore 212 241 (declarations without bodies)
---@meta llthreads2

---Threads that each run a Lua state of their own.
---@class llthreads2
---The library's version, `a.b.c` or `a.b.c-comment`.
---@field _VERSION string
---What an interrupted thread raises. The message may be preceded by a position,
---so compare with a plain `find`, not with `==`.
---@field interrupted_error string
local llthreads2 = {}

---A value that can be copied from one Lua state to another: nil, booleans,
---numbers, strings, tables of such values (without their metatables; shared
---references and cycles are kept), light userdata, C functions whose upvalues
---can be copied, built-in functions, and channels. Lua functions, coroutines
---and other full userdata cannot.
---@alias llthreads2.sendable
---| nil
---| boolean
---| number
---| string
---| table
---| lightuserdata
---| function
---| llthreads2.channel.object

---A thread and the Lua state in which it runs. The object belongs to the state
---that made it and cannot be sent to another. `tostring` shows the state, as in
---`llthread: 0x55d0c8a1e2a8 (running)`; the states are `new`, `running`,
---`finished`, `joined` and `detached`.
---@class llthread: userdata
local llthread = {}

---Makes a thread; `start` runs it.
---
---The code is compiled and the values are copied now: later changes by the
---caller are not seen by the thread. Raises on a syntax error, on a value that
---cannot be copied (the message names its place), on tables nested deeper than
---100 and when memory runs out. A call that raises leaves nothing behind.
---@param code string|number Lua source or bytecode, which is its own chunk name
---@param ... llthreads2.sendable the values that the code receives as `...`
---@return llthread thread
function llthreads2.new(code, ...) end

---Replaces what the calling thread does with the report of its own failure,
---which is to write it to stderr. The logger is called after the error has
---unwound the thread; its results and its own errors are ignored. A later call
---replaces an earlier one; threads do not inherit it.
---@param logger fun(report: string)
function llthreads2.set_logger(logger) end

---The parts of `_VERSION`.
---@return integer major
---@return integer minor
---@return integer patch
---@return string? comment
function llthreads2.version() end

---Starts the thread. Any value but nil and false counts as true.
---
---Without arguments, or with `detached` alone, `joinable` is `not detached`; a
---second argument that is nil counts as false. A program does not wait at its
---end for a detached thread.
---
---A thread starts once: a second call gives nil, "Thread already started.".
---Where the operating system refuses, its message is the problem, and the
---thread can be started again.
---@overload fun(self: llthread): llthread?, string?
---@overload fun(self: llthread, detached: any): llthread?, string?
---@param detached any
---@param joinable any
---@return llthread? thread itself
---@return string? problem why it did not start
function llthread:start(detached, joinable) end

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
function llthread:join(timeout) end

---Whether the thread runs. It never waits, and leaves the results for `join`.
---@return boolean? alive true: it runs, false: it has ended, nil: see `problem`
---@return string? problem not started, already joined, or detached
function llthread:alive() end

---Whether the thread has been started.
---@return boolean
function llthread:started() end

---Whether the thread was started as detached; false before the start.
---@return boolean
function llthread:detached() end

---Whether the thread was started as joinable; false before the start, and still
---true after a join.
---@return boolean
function llthread:joinable() end

---Raises `llthreads2.interrupted_error` in the thread as soon as it runs Lua
---code; a thread that waits, in `join` or in a channel, wakes for it. It can be
---caught. Before the start it takes effect after it; on a thread that has ended
---or was started with `start(true)` it does nothing.
---
---nil raises once, true again and again, and false stops that.
---@param persistent? boolean
function llthread:interrupt(persistent) end

return llthreads2
