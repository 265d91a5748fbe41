-- SPDX-License-Identifier: MIT
--
-- Every example runs, ends by itself and prints what its first lines promise.
-- The word counter is also compared with tr, sort and uniq, and misused.

local proc = require "spec.support.proc"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/") or ""
local folder = root .. "examples/"

-- The examples that log on purpose, and what they must write to stderr.
local logs = {
  ["custom_logger.lua"] = {
    "Error from thread: ...: nobody is listening",
    "stack traceback:",
    "...",
    "",
  },
}

local function quoted(word)
  return "'" .. word:gsub("'", [['\'']]) .. "'"
end

-- The examples run tools of the system, into which a preloaded sanitizer goes
-- with them, and the shell, for one, does not free its memory at its end.
local tolerant = "env ASAN_OPTIONS="
  .. quoted((os.getenv("ASAN_OPTIONS") or "") .. ":detect_leaks=0")

-- A command line that runs an example; `options` are the interpreter's.
local function command(name, words, options)
  local line = { tolerant, quoted(proc.interpreter()), options }
  line[#line + 1] = quoted(folder .. name)
  for _, word in ipairs(words or {}) do line[#line + 1] = quoted(word) end
  return table.concat(line, " ")
end

local function contents(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

-- The output of shell commands that must succeed; $1 is the first of `words`.
local function shell(script, ...)
  local line = { tolerant, "sh -ec", quoted(script), "sh" }
  for _, word in ipairs { ... } do line[#line + 1] = quoted(word) end
  local out, err, code = proc.shell(table.concat(line, " "))
  assert(code == 0, err)
  return out
end

-- Expected lines as one pattern: "..." stands for any text within a line, and
-- as a line of its own for any number of lines.
local function pattern_of(lines)
  local patterns = {}
  for i, line in ipairs(lines) do
    local any = line == "..." and ".-" or "[^\n]-"
    patterns[i] = line:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", any)
  end
  return "^" .. table.concat(patterns, "\n") .. "$"
end

local function assert_prints(lines, text)
  assert.is_truthy(text:find(pattern_of(lines)), "expected:\n"
    .. table.concat(lines, "\n") .. "\nbut it printed:\n" .. text)
end

-- The lines after "-- Prints:" at the head of an example. The last line ends
-- with a newline, hence the empty one after it.
local function promise_of(name)
  local promise = contents(folder .. name):match("\n%-%- Prints:\n(.-)\n\n")
  assert(promise, name .. " does not say what it prints")
  local lines = {}
  for line in promise:gmatch("%-%-   ([^\n]*)") do lines[#lines + 1] = line end
  lines[#lines + 1] = ""
  return lines
end

local names = {}
for name in shell('cd "$1" && ls', folder):gmatch("[^\n]+%.lua") do
  names[#names + 1] = name
end

describe("the folder of examples", function()
  it("has a line about each of them in its README", function()
    assert.is_true(#names > 0)
    local readme = contents(folder .. "README.md")
    for _, name in ipairs(names) do
      assert.is_truthy(readme:find("\n| [" .. name .. "](", 1, true), name)
    end
  end)
end)

for _, name in ipairs(names) do
  describe("the example " .. name, function()
    it("succeeds and prints what it promises", function()
      local out, err, code = proc.shell(command(name))
      assert_prints(logs[name] or { "" }, err)
      assert.equal(0, code)
      assert_prints(promise_of(name), out)
    end)
  end)
end

describe("the example preload_loaders.lua", function()
  it("does without lua-cjson", function()
    local out, err, code = proc.shell(command("preload_loaders.lua", {},
      [[-e 'require "llthreads2" package.cpath = ""']]))
    assert.equal("", err)
    assert.equal(0, code)
    assert.equal("host.clock is a number\nhost.json is a string\n", out)
  end)
end)

describe("the example wordcount.lua", function()
  local function wordcount(words, options)
    return proc.shell(command("wordcount.lua", words, options))
  end

  local place -- a folder of our own, for the time of one test

  before_each(function()
    place = shell("mktemp -d"):match("[^\n]+")
  end)

  after_each(function()
    shell('rm -r -- "$1"', place)
  end)

  -- The rows of a report by name, and the top words as uniq would list them.
  local function read_report(out)
    local rows, top = {}, {}
    for line in out:gmatch("[^\n]+") do
      local name, value = line:sub(1, 16):match("^(.-) *$"), line:sub(17)
      if name == "top words" or name == "" then
        top[#top + 1] = value:match("^ *(.*)$")
      else
        rows[name] = value
      end
    end
    return rows, top
  end

  -- Without the rows that tell times, which are different in each run.
  local function without_times(out)
    return (out:gsub("time[^\n]*\n", ""):gsub("speed%-up[^\n]*\n", ""))
  end

  local function succeed(words)
    local out, err, code = wordcount(words)
    assert.equal("", err)
    assert.equal(0, code)
    return out
  end

  -- Text in all the forms that have to be read with care. The lines of the
  -- long file are such that each of its blocks ends within a word.
  local function make_texts()
    shell('mkdir -p "$1/deep/er"', place)
    write(place .. "/one.txt", "The cat and the dog.\nThe end")
    write(place .. "/two words.txt", "naïve, don't: naïve x2 X2\n")
    write(place .. "/it's\na \"name\"", "the\tend\r\nof the_line\n\n")
    write(place .. "/-j", "an option")
    write(place .. "/empty", "")
    write(place .. "/deep/er/three", (" cat"):rep(30) .. "\n")
    write(place .. "/deep/long",
      (("abcdefg hij "):rep(5) .. "\n"):rep(4000))
    write(place .. "/deep/one line", ("klmnopq rs "):rep(20000))
  end

  -- What the usual tools count: a list of "<count>  <word>", most first.
  local function listed_by_tools()
    local list = shell([[
      cd "$1"; export LC_ALL=C
      find . -type f -exec sh -c 'for f do cat "$f"; echo; done' sh {} + |
        tr A-Z a-z | tr -cs 'a-z0-9\200-\377' '\n' | sed '/^$/d' |
        sort | uniq -c | sort -k1,1nr -k2,2]], place)
    local lines, words = {}, 0
    for number, word in list:gmatch("(%d+) ([^\n]+)") do
      lines[#lines + 1] = number .. "  " .. word
      words = words + number
    end
    return lines, math.tointeger(words)
  end

  it("counts what tr, sort and uniq count", function()
    make_texts()
    local list, words = listed_by_tools()
    local bytes = shell('cd "$1"; find . -type f -exec cat {} + | wc -c', place)
    local rows, top = read_report(succeed { "-j", "2", "--repeat", "3", place })
    assert.equal("8", rows.files)
    assert.equal("0 binary, 0 unreadable", rows.skipped)
    assert.equal(bytes:match("%d+"), rows.bytes)
    assert.equal(tostring(words), rows.words)
    assert.equal(tostring(#list), rows["distinct words"])
    assert.same(table.move(list, 1, 10, 1, {}), top)
    assert.equal("the same", rows.results)
    assert.is_truthy(rows["speed-up"]:find("^%d+%.%d%d$"))
  end)

  it("counts the same with any number of threads and rounds", function()
    make_texts()
    local out = without_times(succeed { "-j", "1", "--repeat", "1", place })
    for _, words in ipairs {
      { "-j", "2", "--repeat=1" }, { "-j3", "--repeat", "2" },
      { "--repeat", "20", "-j", "8" },
    } do
      table.insert(words, place)
      assert.equal(out, without_times(succeed(words)))
    end
  end)

  it("says how many threads and rounds it timed", function()
    write(place .. "/a", "a")
    write(place .. "/b", "b")
    write(place .. "/c", "c")
    local rows = read_report(succeed { "-j", "2", "--repeat", "12", place })
    assert.is_truthy(rows.time:find("^%d+%.%d+ s %(2 threads, 12 rounds%)$"))
    assert.is_truthy(rows["time alone"]
      :find("^%d+%.%d+ s %(1 thread, 12 rounds%)$"))
  end)

  it("never starts more threads than there are files", function()
    write(place .. "/a", "a")
    write(place .. "/b", "b")
    local rows = read_report(succeed { "-j", "1000", "--repeat", "1", place })
    assert.is_truthy(rows.time:find("(2 threads, 1 round)", 1, true))
  end)

  it("uses a thread for each online processor by itself", function()
    local processors = tonumber(shell("getconf _NPROCESSORS_ONLN"))
    for i = 1, processors + 1 do write(place .. "/" .. i, "word") end
    local rows = read_report(succeed { "--repeat", "1", place })
    assert.equal(processors, tonumber(rows.time:match("%((%d+) thread")))
  end)

  it("finds nothing in an empty folder", function()
    assert.equal("There are no text files in " .. place .. "\n",
      succeed { place })
  end)

  it("counts no words in empty files", function()
    write(place .. "/a", "")
    local rows, top = read_report(succeed { "--repeat", "1", place })
    assert.equal("0", rows.words)
    assert.same({}, top)
  end)

  it("counts a file once that can be reached in several ways", function()
    shell([[
      cd "$1"; mkdir inside outside
      printf 'once ' >outside/file; printf 'twice twice' >inside/file
      ln -s ../outside/file inside/link; ln -s ../outside/file inside/again
      ln -s ../outside inside/folder; ln -s nowhere inside/dangling]], place)
    local out = succeed { "--repeat", "1", place .. "/inside" }
    local rows, top = read_report(out)
    assert.equal("2", rows.files)
    assert.same({ "2  twice", "1  once" }, top)
  end)

  it("skips binaries", function()
    write(place .. "/binary", "the the\0the")
    write(place .. "/binary at last", ("the "):rep(50000) .. "\0")
    write(place .. "/text", "the")
    local rows, top = read_report(succeed { "--repeat", "1", place })
    assert.equal("2 binary, 0 unreadable", rows.skipped)
    assert.same({ "1  the" }, top)
  end)

  it("skips what it cannot read, and says so", function()
    -- Our own memory: it may be opened, but nothing is mapped at address 0.
    local memory = ("/proc/%d/mem"):format(contents("/proc/self/stat")
      :match("%d+"))
    shell('ln -s "$2" "$1/memory"', place, memory)
    write(place .. "/text", "the")
    local out, err, code = wordcount { "--repeat", "1", place }
    assert_prints({ "wordcount: skipped: " .. memory .. ": ...", "" }, err)
    assert.equal(0, code)
    assert.equal("0 binary, 1 unreadable", read_report(out).skipped)
  end)

  it("explains itself", function()
    for _, option in ipairs { "-h", "--help" } do
      assert.is_truthy(succeed({ option }):find("^usage: "))
    end
  end)

  for _, case in ipairs {
    { "an unknown option", { "--fast" }, "unknown option: --fast" },
    { "a second folder", { "/", "/tmp" }, "more than one folder: /tmp" },
    { "a missing folder", { "/no/such" }, "not a folder: /no/such" },
    { "a file as the folder", { "/etc/passwd" }, "not a folder: /etc/passwd" },
    { "no threads", { "-j", "0" }, "-j: not a positive integer: 0" },
    { "minus one thread", { "-j", "-1" }, "-j: not a positive integer: -1" },
    { "half a thread", { "-j0.5" }, "-j: not a positive integer: 0.5" },
    { "a word as number", { "-j", "all" }, "-j: not a positive integer: all" },
    { "a missing number", { "-j" }, "-j: not a positive integer: nothing" },
    { "no rounds", { "--repeat=0" }, "--repeat: not a positive integer: 0" },
  } do
    local what, words, message = case[1], case[2], case[3]
    it("refuses " .. what, function()
      local out, err, code = wordcount(words)
      assert.equal("wordcount: " .. message .. " (try --help)\n", err)
      assert.equal("", out)
      assert.equal(2, code)
    end)
  end

  it("draws and wipes out a bar for each run at a terminal", function()
    if shell("command -v script || true") == "" then
      return pending("script(1) is missing")
    end
    shell('cd "$1"; mkdir texts; echo a >texts/a; echo b >texts/b', place)
    local line = command("wordcount.lua",
      { "-j2", "--repeat", "4", place .. "/texts" })
    local report = place .. "/report"
    local drawn = shell('script -qec "$1 >$2" /dev/null', line, report)
    for _, label in ipairs { "2 threads", "1 thread" } do
      local bar = label .. " [" .. ("#"):rep(30) .. "] 100 %"
      local wiped = "\r" .. bar .. "\r" .. (" "):rep(#bar) .. "\r"
      assert.is_truthy(drawn:find(label .. " [###", 1, true), drawn)
      assert.is_truthy(drawn:find(wiped, 1, true), drawn)
    end
    assert.is_nil(contents(report):find("[\r\27]"))
  end)

  -- A library whose threads do what real ones do on bad days only. `join` is
  -- the body of their method, which knows the number of the thread and how
  -- often it has been called, and so is `start`.
  describe("with a strange library", function()
    local function wordcount_with(join, start)
      write(place .. "/llthreads2.lua", ([[
        local number = 0
        local function new()
          number = number + 1
          local number, joins, thread = number, 0, {}
          function thread:start() %s return self end
          function thread:alive() return true end
          function thread:join() joins = joins + 1 %s end
          return thread
        end
        return { new = new }]]):format(start or "", join))
      write(place .. "/text", "a text")
      local path = ("-e 'package.path = %q'"):format(place .. "/?.lua")
      return wordcount({ "-j1", "--repeat", "1", place }, path)
    end

    it("goes on waiting after a timeout", function()
      local out, err, code = wordcount_with [[
        if joins < 3 then return nil, "timeout" end
        return true, { bytes = 1, words = 2, counts = {} }]]
      assert.equal("", err)
      assert.equal(0, code)
      assert.equal("the same", read_report(out).results)
    end)

    it("fails when the results differ in the number of words", function()
      local out, err, code = wordcount_with
        "return true, { bytes = 1, words = number, counts = {} }"
      assert.equal("wordcount: the results differ: 1 and 2 words\n", err)
      assert.equal(1, code)
      assert.is_nil(read_report(out).results)
    end)

    it("fails when the results differ in the count of a word", function()
      local _, err, code = wordcount_with [[
        local counts = { same = 1, x = number }
        return true, { bytes = 1, words = 3, counts = counts }]]
      assert.equal("wordcount: the results differ: 1 and 2 times \"x\"\n", err)
      assert.equal(1, code)
    end)

    it("fails when only the second result has a word", function()
      local _, err, code = wordcount_with [[
        local counts = number == 2 and { x = 1 } or {}
        return true, { bytes = 1, words = 1, counts = counts }]]
      assert.equal("wordcount: the results differ: 0 and 1 times \"x\"\n", err)
      assert.equal(1, code)
    end)

    for what, case in pairs {
      ["no thread can be started"] = { "cannot start a thread: Too many",
        "", 'do return nil, "Too many" end' },
      ["a thread fails"] = { "a thread failed: a mistake",
        'return false, "a mistake"' },
      ["a thread cannot read a file any more"] = { "text: gone",
        'return true, nil, "text: gone"' },
    } do
      it("fails when " .. what, function()
        local out, err, code = wordcount_with(case[2], case[3])
        assert.equal("wordcount: " .. case[1] .. "\n", err)
        assert.equal("", out)
        assert.equal(1, code)
      end)
    end
  end)
end)
