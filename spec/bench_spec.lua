-- SPDX-License-Identifier: MIT
-- The benchmark suite runs from end to end, in a mode that measures nothing
-- that means anything.

local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"

-- Runs a program of the suite.
local function bench(name, words, options)
  return proc.shell(files.command { files.interpreter(),
    files.root .. "bench/" .. name, lua.unpack(words) }, nil, options)
end

describe("the suite", function()
  local path

  -- A whole run, for all tests that look at one.
  lazy_setup(function()
    path = os.tmpname()
  end)

  lazy_teardown(function()
    os.remove(path)
  end)

  local function run_once()
    if #files.contents(path) > 0 then return end
    local out, err, code = bench("run.lua", { "--tiny", "--json", path })
    assert.equal("", err)
    assert.equal(0, code, out)
  end

  -- Others need not be able to do all that is measured, but they say why.
  it("measures every group, and what fails says why", function()
    run_once()
    local document = require "cjson".decode(files.contents(path))
    local groups = {}
    for _, made in ipairs(document.rows) do
      groups[made.group] = true
      for name, why in pairs(made.failed) do
        assert.matches("^its ", why, 1, false, name)
      end
      assert.is_true(#made.results > 0, made.name)
      for _, result in ipairs(made.results) do
        assert.equal(2, #result.samples, result.name)
        assert.is_number(result.summary.median)
      end
    end
    assert.same({ threads = true, copy = true, channels = true }, groups)
    assert.is_true(#document.machine > 5)
  end)

  it("is published as a page with charts", function()
    if proc.shell("sh -c 'command -v gnuplot'") == "" then
      return pending("gnuplot is missing")
    end
    run_once()
    local folder = path .. ".page"
    local page = folder .. ".md"
    finally(function()
      proc.shell(files.command { "rm", "-rf", "--", page, folder })
    end)
    files.write(page, "before\n<!-- figures: begin -->\nold\n"
      .. "<!-- figures: end -->\nafter\n")
    local _, err, code = bench("publish.lua", { path, page })
    assert.equal(0, code, err)
    local text = files.contents(page)
    assert.is_truthy(text:find("^before\n.*\n### Group copy\n.*\nafter\n$"))
    assert.is_nil(text:find("\nold\n", 1, true))
  end)

  -- By samples made by hand.
  it("is published for several Luas side by side", function()
    local function document(name, sample)
      return { machine = { { "Lua", name }, { "kernel", "any" } }, rows = { {
        group = "copy", name = "all", unit = "ns", facts = { note = "a note" },
        results = { { name = "ours", samples = { sample, sample } },
          { name = "floor: none", id = "plain", samples = { 2000, 2000 } } },
      } } }
    end
    local page = os.tmpname()
    finally(function() os.remove(page) end)
    files.write(path .. ".luas", require("cjson").encode { luas = {
      document("Lua 5.4.4", 1000), document("LuaJIT 2.1", 3000) } })
    files.write(page, "before\n<!-- luas: begin -->\n<!-- luas: end -->\n")
    local _, err, code = bench("publish.lua", { path .. ".luas", page })
    os.remove(path .. ".luas")
    assert.equal(0, code, err)
    assert.equal([[
before
<!-- luas: begin -->
| | |
|---|---|
| kernel | any |

**Group copy**

|  | Lua 5.4.4 | ours is | LuaJIT 2.1 | ours is | beside |
| --- | --: | --: | --: | --: | --- |
| all (a note) | 1.00 us | 0.50 x | 3.00 us | 1.50 x | none |
<!-- luas: end -->
]], files.contents(page))
  end)

  it("measures nobody else if it is told to be alone", function()
    local out, err, code = bench("run.lua", { "--tiny", "--alone", "--only",
      "channels: a channel" })
    assert.equal("", err)
    assert.equal(0, code)
    assert.is_nil(out:find("\nwithout", 1, true))
  end)

  it("lists the rows it would measure", function()
    local out, err, code = bench("run.lua", { "--tiny", "--list", "--only",
      "^copy: 10 int" })
    assert.equal("copy: 10 integers, argument\ncopy: 10 integers, round trip\n",
      out)
    assert.equal("", err)
    assert.equal(0, code)
  end)

  it("tells its options", function()
    local out, err, code = bench("run.lua", { "--help" })
    assert.is_truthy(out:find("^usage: "))
    assert.equal("", err)
    assert.equal(0, code)
  end)

  for name, case in pairs {
    ["an unknown option"] = { { "--fast" }, "unknown option: --fast" },
    ["a word"] = { { "copy" }, "unknown option: copy" },
    ["a missing pattern"] = { { "--only" }, "--only: nothing follows" },
    ["a missing file"] = { { "--json" }, "--json: nothing follows" },
    ["a pattern that no row has"] = { { "--only", "nosuch" },
      "no row matches" },
    ["a pattern that is none"] = { { "--only", "[" },
      "--only: malformed pattern (missing ']')" },
    ["a file that cannot be written"] = {
      { "--tiny", "--only", "threads: new", "--json", "/no/such" },
      "/no/such: No such file or directory" },
  } do
    it("refuses " .. name, function()
      local out, err, code = bench("run.lua", case[1])
      assert.equal("run: " .. case[2] .. " (try --help)\n", err)
      assert.equal("", out)
      assert.equal(2, code)
    end)
  end

  it("goes on without a peer that cannot be loaded", function()
    local out, err, code = bench("run.lua", { "--tiny", "--only",
      "threads: new" }, { prefix = "env LLTHREADS2_PEER=/no/such" })
    assert.equal("", err)
    assert.equal(0, code)
    assert.is_truthy(out:find("\nwithout +peer: module 'llthreads2' not found"))
  end)
end)
