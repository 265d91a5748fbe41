-- SPDX-License-Identifier: MIT
--
-- What `require` gives: the modules' names, their fields and their types.

local llthreads2 = require "llthreads2"
local lua = require "support.lua"
local outcome = require "spec.support.outcome"

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

describe("the module llthreads2", function()
  it("has exactly the fields of the original", function()
    assert.same(
      { "_VERSION", "interrupted_error", "new", "set_logger", "version" },
      sorted_keys(llthreads2))
  end)

  it("hands out the C functions themselves", function()
    for _, name in ipairs { "new", "set_logger", "version" } do
      assert.equal("C", debug.getinfo(llthreads2[name], "S").what, name)
      assert.is_nil(debug.getupvalue(llthreads2[name], 1), name)
    end
  end)

  it("names the error of an interrupt as the original does", function()
    assert.equal("llthreads2: thread was interrupted",
      llthreads2.interrupted_error)
  end)

  it("spells its version as its numbers and comment", function()
    local major, minor, patch, comment = llthreads2.version()
    for _, number in ipairs { major, minor, patch } do
      assert.equal(lua.has_integers and "integer" or "number",
        (math.type or type)(number))
    end
    local spelt = ("%d.%d.%d"):format(major, minor, patch)
    if comment then
      spelt = spelt .. "-" .. comment
    end
    assert.equal(llthreads2._VERSION, spelt)
  end)
end)

describe("the names of the modules", function()
  it("llthreads and llthreads2 are the same object", function()
    assert.equal(llthreads2, require "llthreads")
  end)

  it("llthreads.ex and llthreads2.ex are the same object", function()
    assert.equal(require "llthreads2.ex", require "llthreads.ex")
  end)
end)

describe("a child", function()
  it("can require the module under each of its names", function()
    for _, name in ipairs {
      "llthreads2", "llthreads2.ex", "llthreads", "llthreads.ex",
    } do
      assert.equal("table", outcome.results("return type(require(...))", name))
    end
  end)

  it("gets the module that its parent has", function()
    assert.equal(llthreads2._VERSION,
      outcome.results [[return require "llthreads2"._VERSION]])
  end)
end)
