-- SPDX-License-Identifier: MIT
-- Not part of the suite: tests that leave something behind on purpose, run by
-- harness_spec.lua to see that the harness notices each of them.

local llthreads = require "llthreads2"
local sync = require "spec.support.sync"

local kept = {}

describe("leaky", function()
  it("is clean before", function()
    assert.is_true(llthreads.new(""):start():join())
  end)

  it("keeps an unstarted thread", function()
    kept[1] = llthreads.new("", "an argument")
  end)

  it("is clean in between", function()
    assert.is_true(llthreads.new(""):start():join())
  end)

  it("keeps a joined thread", function()
    kept[2] = llthreads.new(""):start()
    kept[2]:join()
  end)

  it("leaves a detached thread running", function()
    local _
    _, kept[3] = sync.meet("link:receive()", { true })
  end)

  it("fails by itself and leaks", function()
    kept[4] = llthreads.new("")
    assert.is_true(false)
  end)

  it("is clean after", function()
    assert.is_true(llthreads.new(""):start():join())
  end)
end)
