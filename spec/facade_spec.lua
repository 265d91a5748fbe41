-- SPDX-License-Identifier: MIT
--
-- What `require` gives: the modules' names, their fields and their types.

local llthreads2 = require "llthreads2"
local lua = require "spec.support.lua"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/") or ""

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
  -- The results of `code`, which must not fail.
  local function results_of(code, ...)
    local results = lua.pack(llthreads2.new(code, ...):start():join())
    assert.is_true(results[1], results[2])
    return lua.unpack(results, 2, results.n)
  end

  it("can require the module under each of its names", function()
    for _, name in ipairs {
      "llthreads2", "llthreads2.ex", "llthreads", "llthreads.ex",
    } do
      assert.equal("table", results_of("return type(require(...))", name))
    end
  end)

  it("gets the module that its parent has", function()
    assert.equal(llthreads2._VERSION,
      results_of [[return require "llthreads2"._VERSION]])
  end)

  it("can be passed `new` and call it", function()
    assert.equal("grandchild", results_of([[
      local new = ...
      local ok, result = new("return ...", "grandchild"):start():join()
      return ok and result
    ]], llthreads2.new))
  end)

  it("can have children that have children", function()
    local code = [[
      local code, depth = ...
      if depth == 0 then
        return "the bottom"
      end
      local new = require "llthreads2".new
      return select(2, new(code, code, depth - 1):start():join())
    ]]
    assert.equal("the bottom", results_of(code, code, 5))
  end)
end)

describe("the type files", function()
  -- The names that `path` declares for a class: its @field lines and the
  -- functions of the local variable that carries it.
  local function declared(path, class, variable)
    local names, current = {}, nil
    for line in io.lines(root .. path) do
      current = line:match("^%-%-%-@class ([%w_.]+)") or current
      local field = line:match("^%-%-%-@field ([%w_]+)%?? ")
      local owner, method = line:match("^function ([%w_]+)[.:]([%w_]+)%(")
      if field and current == class then
        names[field] = true
      elseif owner == variable then
        names[method] = true
      end
    end
    return sorted_keys(names)
  end

  -- The methods of an object and the fields that it has itself.
  local function visible(object)
    local names = {}
    for name in pairs(debug.getmetatable(object).__index) do
      names[name] = true
    end
    for name in pairs(type(object) == "table" and object or {}) do
      names[name] = true
    end
    names.__index = nil
    return sorted_keys(names)
  end

  it("declare what llthreads2 exports", function()
    assert.same(sorted_keys(llthreads2),
      declared("types/llthreads2.lua", "llthreads2", "llthreads2"))
  end)

  it("declare the methods of a thread", function()
    assert.same(visible(llthreads2.new("")),
      declared("types/llthreads2.lua", "llthread", "llthread"))
  end)

  it("declare what llthreads2.ex exports", function()
    assert.same(sorted_keys(require "llthreads2.ex"),
      declared("types/llthreads2_ex.lua", "llthreads2.ex", "ex"))
  end)

  it("declare the methods and the field of a thread of llthreads2.ex",
    function()
      assert.same(visible(require "llthreads2.ex".new("")),
        declared("types/llthreads2_ex.lua", "llthread.ex", "thread"))
    end)

  it("give llthreads the types of llthreads2", function()
    assert.equal(llthreads2, dofile(root .. "types/llthreads.lua"))
  end)
end)
