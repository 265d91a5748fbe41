-- SPDX-License-Identifier: MIT
-- The harness must be able to fail a test, or its silence means nothing.

local proc = require "spec.support.proc"

describe("the harness", function()
  local function verdicts()
    local out = proc.busted({
      "--helper=spec/support/harness.lua", "-o", "TAP",
      "spec/support/leaky.lua",
    }, { prefix = "env LLTHREADS2_PATIENCE=0.2" })
    local by_name = {}
    for line in out:gmatch("[^\n]+") do
      local verdict, name = line:match("^(%l[%l ]-) %d+ %- leaky ([%l ]+)$")
      if verdict then by_name[name] = verdict end
    end
    return by_name, out
  end

  it("fails exactly the tests that leave something behind", function()
    local by_name, out = verdicts()
    assert.are.same({
      ["is clean before"] = "ok",
      ["keeps an unstarted thread"] = "not ok",
      ["is clean in between"] = "ok",
      ["keeps a joined thread"] = "not ok",
      ["leaves a detached thread running"] = "not ok",
      ["fails by itself and leaks"] = "not ok",
      ["is clean after"] = "ok",
    }, by_name, out)
    assert.is_truthy(out:find("left behind by this test: 1 ", 1, true), out)
  end)
end)
