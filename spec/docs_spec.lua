-- SPDX-License-Identifier: MIT
-- The pieces of Lua in the pages for users are programs that run and print what
-- they say.
--
-- Each block that is fenced by ```lua runs in a process of its own. It must
-- succeed and leave stderr empty. Where it has comments of the form
--
--     print(thread:join()) --> true  3
--
-- these are all it prints, line by line, however much space lies between the
-- values, and "..." being any text; without such a comment it prints nothing. A
-- block that cannot run alone is fenced by ```lua fragment: it only has to
-- compile.

local files = require "support.files"
local proc = require "spec.support.proc"

local pages = { "README.md", "docs/channel.md", "docs/llthreads2.md" }

-- Libraries that a block may use and that need not be here.
local optional = { "cqueues", "luv" }

-- The blocks of a page: { line =, fence =, text = } with what stands behind the
-- fence. The text begins with empty lines, as many as precede it in the page,
-- so that errors name the page's own lines.
local function blocks_of(page)
  local blocks, block, number = {}, nil, 0
  for line in io.lines(files.root .. page) do
    number = number + 1
    local fence = line:match("^```(.*)$")
    if fence and block then
      blocks[#blocks + 1], block = block, nil
    elseif fence then
      block = { line = number, fence = fence, text = ("\n"):rep(number) }
    elseif block then
      block.text = block.text .. line .. "\n"
    end
  end
  assert(not block, page .. " ends within a block")
  return blocks
end

local function uses(text, module)
  return text:find(("require *%%(?[\"']%s[\"']"):format(module))
end

local function missing_library(text)
  for _, module in ipairs(optional) do
    if uses(text, module)
      and not package.searchpath(module, package.path)
      and not package.searchpath(module, package.cpath) then
      return module
    end
  end
end

-- With one space between the values of a line.
local function squeezed(line)
  return (line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local function lines_of(text, pattern)
  local lines = {}
  for line in text:gmatch(pattern) do lines[#lines + 1] = squeezed(line) end
  return lines
end

local function keeps(promise, line)
  local pattern = promise:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", ".*")
  return line:find("^" .. pattern .. "$")
end

local function check_program(text)
  local out, err, code = proc.run(text)
  assert.equal("", err)
  assert.equal(0, code)
  local promised = lines_of(text, "%-%->([^\n]*)")
  local printed = lines_of(out, "([^\n]*)\n")
  -- A line that keeps its promise is taken as the promise itself, so that what
  -- is left is shown side by side.
  for i, promise in ipairs(promised) do
    if printed[i] and keeps(promise, printed[i]) then printed[i] = promise end
  end
  assert.same(promised, printed)
end

for _, page in ipairs(pages) do
  describe(page, function()
    local programs = 0

    for _, block in ipairs(blocks_of(page)) do
      local name = ("has Lua at line %d that "):format(block.line)
      if block.fence == "lua" then
        programs = programs + 1
        it(name .. "runs and prints what it says", function()
          local missing = missing_library(block.text)
          if missing then return pending(missing .. " is missing") end
          check_program(block.text)
        end)
      elseif block.fence == "lua fragment" then
        it(name .. "compiles", function()
          assert(load(block.text, "=" .. page))
        end)
      elseif block.fence:find("^lua") then
        it(name .. "is marked in a known way", function()
          error("neither ```lua nor ```lua fragment: ```" .. block.fence)
        end)
      end
    end

    it("has Lua that runs", function()
      assert.is_true(programs > 0)
    end)
  end)
end
