-- SPDX-License-Identifier: MIT
-- The declarations in types/, for the language server, name what the modules
-- export: all of it, and nothing else.

local llthreads = require "llthreads2"
local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"
local files = require "support.files"

-- The functions that a file declares, by the name of the table they are in;
-- and the fields, by that of the class, in the order of the file: the comments
-- of a class stand above the local that holds it.
local function declared(file)
  local tables, fields = {}, {}
  for line in (files.contents(files.root .. "types/" .. file) .. "\n")
    :gmatch("(.-)\n") do
    local owner, name = line:match("^function ([%w_]+)[.:]([%w_]+)%(")
    local field = line:match("^%-%-%-@field ([%w_]+)")
    local class = line:match("^%-%-%-@class ")
    local holder = line:match("^local ([%w_]+) = {}")
    if owner then
      tables[owner][name] = "function"
    elseif class then
      fields = {}
    elseif field then
      fields[field] = "field"
    elseif holder then
      tables[holder], fields = fields, {}
    end
  end
  return tables
end

local function kinds_of(exports)
  local kinds = {}
  for name, value in pairs(exports) do
    kinds[name] = type(value) == "function" and "function" or "field"
  end
  return kinds
end

local function methods_of(object)
  return kinds_of(debug.getmetatable(object).__index)
end

describe("the types of", function()
  it("llthreads2 are those of its exports and of a thread", function()
    local tables = declared("llthreads2.lua")
    assert.same(kinds_of(llthreads), tables.llthreads2)
    assert.same(methods_of(llthreads.new("")), tables.llthread)
  end)

  it("llthreads2.channel are those of its exports and of a channel",
    function()
      local tables = declared("llthreads2_channel.lua")
      assert.same(kinds_of(channel), tables.channel)
      assert.same(methods_of(channel.new()), tables.object)
    end)

  it("llthreads2.ex are those of its exports and of a thread", function()
    local tables = declared("llthreads2_ex.lua")
    local thread = ex.new("")
    local members = methods_of(thread)
    -- The field of each object, and the place of its methods.
    members.thread, members.__index = "field", nil
    assert.same(kinds_of(ex), tables.ex)
    assert.same(members, tables.thread)
  end)

  it("a module are in a file for each name that can be required", function()
    for _, name in ipairs { "llthreads2", "llthreads2.ex",
      "llthreads2.channel", "llthreads", "llthreads.ex" } do
      local text = files.contents(files.root .. "types/"
        .. name:gsub("%.", "_") .. ".lua")
      assert.is_truthy(text:find("\n---@meta " .. name .. "\n", 1, true))
      require(name)
    end
  end)

  it("llthreads are those of llthreads2", function()
    assert.equal(llthreads, dofile(files.root .. "types/llthreads.lua"))
  end)
end)
