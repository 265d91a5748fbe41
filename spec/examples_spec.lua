-- SPDX-License-Identifier: MIT
--
-- Every example runs, ends by itself and prints what its first lines promise.
-- The pool that counts words is also compared with tr, sort and uniq, and
-- misused.

local files = require "support.files"
local lua = require "support.lua"
local proc = require "spec.support.proc"

local contents, write = files.contents, files.write

local folder = files.root .. "examples/"

-- The examples that log on purpose, and what they must write to stderr.
local logs = {
  ["custom_logger.lua"] = {
    "Error from thread: ...: nobody is listening",
    "stack traceback:",
    "...",
    "",
  },
}

-- The words for examples that measure, and take their time, where a sanitizer
-- takes still more of it.
local brief = proc.sanitizer() and {
  ["worker_pool.lua"] = { "--repeat", "2" },
} or {}

-- The examples run tools of the system, into which a preloaded sanitizer goes
-- with them, and the shell, for one, does not free its memory at its end.
local TOLERANT = { prefix = "env ASAN_OPTIONS="
  .. files.quoted((os.getenv("ASAN_OPTIONS") or "") .. ":detect_leaks=0") }

-- A command line that runs an example; `options` are the interpreter's.
local function command(name, words, options)
  local line = lua.append({ files.interpreter() }, options or {})
  line[#line + 1] = folder .. name
  return files.command(lua.append(line, words or {}))
end

local function run(...)
  return proc.shell(command(...), nil, TOLERANT)
end

-- The output of shell commands that must succeed; $1 is the first of `words`.
local function shell(script, ...)
  local out, err, code = proc.shell(
    files.command { "sh", "-ec", script, "sh", ... }, nil, { tools = true })
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
      local out, err, code = run(name, brief[name])
      assert_prints(logs[name] or { "" }, err)
      assert.equal(0, code)
      assert_prints(promise_of(name), out)
    end)
  end)
end

describe("the example preload_loaders.lua", function()
  it("does without lua-cjson", function()
    local out, err, code = run("preload_loaders.lua", {},
      { "-e", 'require "llthreads2" package.cpath = ""' })
    assert.equal("", err)
    assert.equal(0, code)
    assert.equal("host.clock is a number\nhost.json is a string\n", out)
  end)
end)

describe("the example worker_pool.lua", function()
  local function worker_pool(words, options)
    return run("worker_pool.lua", words, options)
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
    local out, err, code = worker_pool(words)
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
      words = words + tonumber(number)
    end
    return lines, words
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
    for i = 11, #list do list[i] = nil end
    assert.same(list, top)
    assert.equal("the same", rows.results)
    assert.is_truthy(rows["speed-up"]:find("^%d+%.%d%d$"))
  end)

  it("counts the same with any number of workers and rounds", function()
    make_texts()
    local out = without_times(succeed { "-j", "1", "--repeat", "1", place })
    for _, words in ipairs {
      { "-j", "2", "--repeat=1" }, { "-j3", "--repeat", "2" },
      { "--repeat", proc.sanitizer() and "3" or "20", "-j", "8" },
    } do
      table.insert(words, place)
      assert.equal(out, without_times(succeed(words)))
    end
  end)

  it("says how many workers and rounds it timed", function()
    write(place .. "/a", "a")
    write(place .. "/b", "b")
    write(place .. "/c", "c")
    local rows = read_report(succeed { "-j", "2", "--repeat", "12", place })
    assert.is_truthy(rows.time:find("^%d+%.%d+ s %(2 workers, 12 rounds%)$"))
    assert.is_truthy(rows["time alone"]
      :find("^%d+%.%d+ s %(no worker, 12 rounds%)$"))
  end)

  it("never starts more workers than there are files", function()
    write(place .. "/a", "a")
    write(place .. "/b", "b")
    local rows = read_report(succeed { "-j", "1000", "--repeat", "1", place })
    assert.is_truthy(rows.time:find("(2 workers, 1 round)", 1, true))
  end)

  it("uses a worker for each online processor by itself", function()
    local processors = tonumber(shell("getconf _NPROCESSORS_ONLN"))
    for i = 1, processors + 1 do write(place .. "/" .. i, "word") end
    local rows = read_report(succeed { "--repeat", "1", place })
    assert.equal(processors, tonumber(rows.time:match("%((%d+) worker")))
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
    local out, err, code = worker_pool { "--repeat", "1", place }
    assert_prints({ "worker_pool: skipped: " .. memory .. ": ...", "" }, err)
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
    { "no workers", { "-j", "0" }, "-j: not a positive integer: 0" },
    { "minus one worker", { "-j", "-1" }, "-j: not a positive integer: -1" },
    { "half a worker", { "-j0.5" }, "-j: not a positive integer: 0.5" },
    { "a word as number", { "-j", "all" }, "-j: not a positive integer: all" },
    { "a missing number", { "-j" }, "-j: not a positive integer: nothing" },
    { "no rounds", { "--repeat=0" }, "--repeat: not a positive integer: 0" },
  } do
    local what, words, message = case[1], case[2], case[3]
    it("refuses " .. what, function()
      local out, err, code = worker_pool(words)
      assert.equal("worker_pool: " .. message .. " (try --help)\n", err)
      assert.equal("", out)
      assert.equal(2, code)
    end)
  end

  it("draws and wipes out a bar for each run at a terminal", function()
    if shell("command -v script || true") == "" then
      return pending("script(1) is missing")
    end
    shell('cd "$1"; mkdir texts; echo a >texts/a; echo b >texts/b', place)
    local line = TOLERANT.prefix .. " " .. proc.launched(
      command("worker_pool.lua", { "-j2", "--repeat", "4", place .. "/texts" }))
    local report = place .. "/report"
    local drawn = shell('script -qec "$1 >$2" /dev/null', line, report)
    for _, label in ipairs { "2 workers", "alone" } do
      local bar = label .. " [" .. ("#"):rep(30) .. "] 100 %"
      local wiped = "\r" .. bar .. "\r" .. (" "):rep(#bar) .. "\r"
      assert.is_truthy(drawn:find(label .. " [###", 1, true), drawn)
      assert.is_truthy(drawn:find(wiped, 1, true), drawn)
    end
    assert.is_nil(contents(report):find("[\r\27]"))
  end)

  -- Runs in each worker before its work, followed by what is to go wrong;
  -- spoil(f) lets f change the worker's sum on its way out.
  local bad_day = [[
    local code, jobs, results = ...
    local function spoil(change)
      local real = results
      results = {}
      function results:send(event, value)
        if event == "ended" then change(value) end
        return real:send(event, value)
      end
    end
    %s
    return code, jobs, results]]

  local function worker_pool_on(mishap)
    write(place .. "/text", "a text")
    return worker_pool({ "-j1", "--repeat", "2", place }, { "-e", ([[
      local ex = require "llthreads2.ex"
      local new = ex.new
      function ex.new(code, ...)
        return new({ code, prelude = %q }, ...)
      end]]):format(bad_day:format(mishap)) })
  end

  for what, case in pairs {
    ["the results differ in the number of bytes"] = {
      "the results differ: 11 and 12 bytes",
      "spoil(function(total) total.bytes = 11 end)" },
    ["the results differ in the number of words"] = {
      "the results differ: 5 and 4 words",
      "spoil(function(total) total.words = 5 end)" },
    ["the results differ in the count of a word"] = {
      'the results differ: 7 and 2 times "a"',
      "spoil(function(total) total.counts.a = 7 end)" },
    ["only the first result has a word"] = {
      'the results differ: 1 and 0 times "x"',
      "spoil(function(total) total.counts.x = 1 end)" },
    ["only the second result has a word"] = {
      'the results differ: 0 and 2 times "text"',
      "spoil(function(total) total.counts.text = nil end)" },
    ["a worker fails"] = { "a worker failed: a mistake",
      "function io.open() error('a mistake', 0) end" },
    ["a worker cannot read a file any more"] = { "a worker failed: text: gone",
      "function io.open() return nil, 'text: gone' end" },
  } do
    it("fails when " .. what, function()
      local out, err, code = worker_pool_on(case[2])
      assert.equal("worker_pool: " .. case[1] .. "\n", err)
      assert.equal(1, code)
      assert.is_nil(read_report(out).results)
    end)
  end

  it("fails when no worker can be started", function()
    write(place .. "/text", "a text")
    local out, err, code = worker_pool({ place }, { "-e", [[
      require "llthreads2.ex".new = function()
        return { start = function() return nil, "Too many" end }
      end]] })
    assert.equal("worker_pool: cannot start a worker: Too many\n", err)
    assert.equal("", out)
    assert.equal(1, code)
  end)
end)
