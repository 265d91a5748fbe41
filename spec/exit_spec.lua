-- SPDX-License-Identifier: MIT
-- The end of a whole program with threads, each in a process of its own.

local proc = require "spec.support.proc"
local sync = require "spec.support.sync"

-- Programs that are tried: `working` is a child's code that takes a while,
-- `lasting` one that lasts far longer than anybody should wait for it.
local PRELUDE = [[
local new = require("llthreads2").new
local working = "for _ = 1, 5000000 do end io.write('worked ') io.flush()"
local lasting = "require('socket').select(nil, nil, 30) io.write('lasted ')"
local spinning = "local limit = os.time() + 30 while os.time() < limit do end"
]]

local FLAGS = { "false, true", "false, false", "true, false", "true, true" }

-- Runs the program; expects its output and exit code, and that it takes less
-- time than a lasting child.
local function ends_with(out, code, text)
  local before = sync.now()
  local real_out, err, real_code = proc.run(PRELUDE .. text)
  assert.are.same({ out, code }, { real_out, real_code }, text .. err)
  assert.is_true(sync.now() - before < 25, text)
  return err
end

describe("the end of a program", function()
  it("waits for attached children", function()
    ends_with("worked ", 0, "new(working):start()")
    ends_with("worked ", 0, "new(working):start(false, false)")
    ends_with("worked worked ", 0,
      "kept = new(working):start() new(working):start()")
  end)

  it("by an error waits for attached children, too", function()
    for _, flags in ipairs { "", "false, false" } do
      local err = ends_with("worked ", 1,
        "new(working):start(" .. flags .. ") error('the program failed')")
      assert.is_truthy(err:find("the program failed", 1, true))
    end
  end)

  it("does not wait for detached children", function()
    for _, kind in ipairs { "lasting", "spinning" } do
      for _, flags in ipairs { "true", "true, true" } do
        ends_with("", 0, ("new(%s):start(%s)"):format(kind, flags))
        ends_with("", 1, ("new(%s):start(%s) os.exit(false, true)")
          :format(kind, flags))
      end
    end
  end)

  it("runs nothing of a thread that was not started", function()
    ends_with("", 0, "new(working)")
  end)

  it("waits for a child that waits for its own children", function()
    ends_with("worked ", 0, [[
      new("local new, working = ... new(working):start(false, false)",
        new, working):start()]])
  end)

  it("reports a child that fails after it", function()
    local err = ends_with("", 0,
      "new('for _ = 1, 1000000 do end error(\"late\", 0)'):start()")
    assert.is_truthy(err:find("^Error from thread: late\n"))
  end)
end)

describe("os.exit", function()
  it("waits for nobody", function()
    for _, flags in ipairs(FLAGS) do
      ends_with("", 3, ("new(lasting):start(%s) os.exit(3)"):format(flags))
      ends_with("", 4, ("new(spinning):start(%s) os.exit(4)"):format(flags))
    end
  end)

  it("waits for attached children when it closes the state", function()
    ends_with("worked ", 3, "new(working):start() os.exit(3, true)")
    ends_with("worked ", 0, "new(working):start(false, false) "
      .. "os.exit(true, true)")
    ends_with("", 5, "new(lasting):start(true) os.exit(5, true)")
  end)

  it("in a child ends the process with its code", function()
    for _, flags in ipairs(FLAGS) do
      ends_with("", 7, ([[
        local thread = new("os.exit(7)"):start(%s)
        while true do thread:join(50) end]]):format(flags))
    end
  end)

  it("in a child ends the process while others run", function()
    ends_with("", 8, [[
      for _ = 1, 4 do new(spinning):start() end
      new("os.exit(8)"):start():join()]])
  end)

  it("in a child that closes its state ends the process", function()
    ends_with("closed", 9, [[
      local thread = new("keep = setmetatable({}, { __gc = function() "
        .. "io.write('closed') end }) os.exit(9, true)"):start()
      thread:join()]])
  end)
end)

describe("a program that ends under its detached children", function()
  -- Runs the program as often as that in one shell; it must always succeed.
  -- A sanitizer sees more in one run, and takes longer.
  local function succeeds_always(times, text)
    if proc.sanitizer() then times = times // 10 end
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local out, err = proc.shell(([[
      sh -c 'i=0; while [ $i -lt %d ]; do
        "$1" "$2" || { echo "code $? in run $i"; exit; }
        i=$((i + 1)); done; echo fine' - '%s' %s]]):format(
      times, proc.interpreter(), path))
    os.remove(path)
    assert.are.same({ "fine\n", "" }, { out, err })
  end

  it("does not crash", function()
    succeeds_always(200, "require'llthreads2'.new('return 1'):start(true)")
  end)

  it("does not crash when they end after the modules are unloaded", function()
    -- The modules are unloaded before the memory is freed, and freeing that
    -- many tables takes longer than the children live.
    succeeds_always(10, [[
      kept = {}
      for i = 1, 300000 do kept[i] = {} end
      local new = require("llthreads2").new
      for i = 1, 4 do
        new("for _ = 1, (...) do end return 1", i * 300000)
          :start(true, i % 2 == 0)
      end]])
  end)

  it("does not crash when many of them are busy at every moment", function()
    succeeds_always(60, [[
      local new = require("llthreads2").new
      for i = 1, 8 do
        new("for _ = 1, (...) do t = { tostring({}) } end", i * 500)
          :start(true, i % 2 == 0)
      end]])
  end)

  it("does not crash by os.exit in the middle of everything", function()
    succeeds_always(60, [[
      local new = require("llthreads2").new
      for i = 1, 4 do
        new("for _ = 1, 20000 do t = { tostring({}) } end error('x', 0)")
        new("require('llthreads2').new('return 1'):start(true)"):start(true)
        new("for _ = 1, 2000 do t = { tostring({}) } end"):start()
      end
      os.exit(0)]])
  end)
end)

describe("a C function from a module that only the child had loaded", function()
  local PROGRAM = [[
    local _, gettime = new("return require('socket.core').gettime")
      :start():join()
    collectgarbage()
    print(type(gettime()))]]

  it("can be called after the child's state is closed", function()
    ends_with("number\n", 0, PROGRAM)
  end)

  it("can be handed on to another child", function()
    ends_with("number\nnumber\n", 0, PROGRAM .. [[
      print(select(2, new("return type((...)())", gettime):start():join()))]])
  end)
end)
