-- SPDX-License-Identifier: MIT
-- luacheck: ignore 212 241 (declarations without bodies)
---@meta llthreads2.channel

---Queues of messages between threads. Every thread may send to a channel and
---receive from it, each through a handle of its own. All times are milliseconds
---and may have a fraction.
---@class llthreads2.channel
local channel = {}

---A handle to a channel. Handles travel between threads like other values; all
---handles to one channel are equal. `tostring` gives `channel (name): 0x...`,
---or `channel: 0x...` for a channel without a name.
---@class llthreads2.channel.object: userdata
---@operator len: integer
local object = {}

---The options of `new`. An unknown key is an error.
---@class llthreads2.channel.options
---How many messages may be queued, at least 1; nil means any number.
---@field capacity? integer
---By this name `get` finds the channel while a handle to it is alive anywhere.
---@field name? string

---Makes a channel. Raises when the capacity is no integer from 1 on, when an
---option is unknown and when a live channel has the name already.
---@param capacity? integer|llthreads2.channel.options
---@return llthreads2.channel.object channel
function channel.new(capacity) end

---Finds the live channel of a name. A name keeps no channel alive.
---@param name string
---@return llthreads2.channel.object? channel
---@return "not found"? problem
function channel.get(name) end

---Waits until one of several channels has a message or has come to its end, and
---receives from it: returns the channel and what its `receive` would have
---returned. When the time is up it returns nil, "timeout".
---
---It is fair: a busy channel cannot keep another one waiting. 0 does not wait;
---nil, a negative number and `math.huge` wait for ever.
---
---Raises when something in the list is no channel, when the list is empty and
---there is no timeout, and when the thread is interrupted while it waits.
---@param list llthreads2.channel.object[]
---@param timeout? number milliseconds
---@return llthreads2.channel.object? channel the object in the list; nil: none
---@return true|nil|"timeout" ok true: a message follows; nil: a reason follows
---@return any ... the values of the message, or "closed"
function channel.select(list, timeout) end

---Whether a value is a channel.
---@param value any
---@return boolean
function channel.is(value) end

---Queues one message, made of copies of the values; waits while a bounded
---channel is full. Raises, with nothing queued, when a value cannot travel (the
---error names its place), when tables are nested deeper than 100, when memory
---runs out and when the thread is interrupted while it waits.
---@param ... llthreads2.sendable any number of values, also none
---@return true? ok
---@return "closed"? reason
function object:send(...) end

---Like `send`, but never waits.
---@param ... llthreads2.sendable any number of values, also none
---@return true? ok
---@return "full"|"closed"|nil reason
function object:try_send(...) end

---Like `send`, but waits no longer than this. A message that is refused was
---never queued. 0 does not wait; nil, a negative number and `math.huge` wait
---for ever.
---@param timeout? number milliseconds
---@param ... llthreads2.sendable any number of values, also none
---@return true? ok
---@return "timeout"|"closed"|nil reason
function object:timed_send(timeout, ...) end

---Takes the oldest message; waits while there is none. After `true` come the
---values of the message, as many as were sent. "closed" means that the channel
---is closed and empty; it is closed, too, when at the end of the program nobody
---is left who could send to it.
---
---0 does not wait; nil, a negative number and `math.huge` wait for ever.
---Raises when memory runs out, with the message still first in the queue, and
---when the thread is interrupted while it waits.
---@param timeout? number milliseconds
---@return true? ok
---@return any ... the values of the message; after nil "timeout" or "closed"
function object:receive(timeout) end

---An iterator that receives until the channel is closed and empty:
---`for a, b in ch:messages() do`. It also ends at a message whose first value
---is nil, or that has no values; use `receive` where there are such.
---@return fun(): any ...
function object:messages() end

---Copies the oldest message and leaves it in the channel; never waits.
---@return true? ok
---@return any ... the values of the message; after nil "timeout" or "closed"
function object:peek() end

---How many messages are queued now, perhaps with one that another thread is
---just sending; `#ch` is the same.
---@return integer
function object:count() end

---How many messages may be queued; `math.huge` if any number.
---@return number
function object:capacity() end

---Drops all queued messages, which makes room for senders that wait.
---@return integer count how many were dropped
function object:clear() end

---Ends the channel: it takes no more messages, and what is queued can still be
---received. All threads that wait on it wake. Closing twice is fine.
---@return true
function object:close() end

---Whether the channel has been closed; messages may still be queued.
---@return boolean
function object:closed() end

---@return string? name
function object:name() end

---A file descriptor that is readable exactly while `receive(0)` would return
---something other than "timeout". It belongs to the channel: do not read,
---write or close it, and keep the channel while it is in use. Made by the first
---call, which raises when the process can have no more descriptors.
---@return integer descriptor
function object:fd() end

---The same as `fd`, under the name by which LuaSocket's `select` asks.
---@return integer descriptor
function object:getfd() end

---The same as `fd`, under the name by which cqueues asks.
---@return integer descriptor
function object:pollfd() end

---For LuaSocket's `select`, which asks whether there is input that the
---descriptor does not show.
---@return boolean
function object:dirty() end

---For cqueues, which asks what to poll for.
---@return string
function object:events() end

---For cqueues, which asks for how long.
---@return number?
function object:timeout() end

return channel
