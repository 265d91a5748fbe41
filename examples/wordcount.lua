-- SPDX-License-Identifier: MIT
--
-- Counts the words of all text files of a folder, first with several threads,
-- then with one, and says how much faster several were. `--help` tells more.
--
-- Prints:
--   files           ...
--   ...
--   results         the same
--   speed-up        ...

local llthreads2 = require "llthreads2"

local usage = [[
usage: lua wordcount.lua [-j N] [--repeat K] [FOLDER]

Counts the words of all text files below FOLDER (/usr/share/common-licenses if
none is given) with N threads and then, to compare, with one.

  -j N        use N threads (default: one for each online processor), but never
              more than there are files
  --repeat K  count everything K times, so that the time of a small folder can
              be measured (default: until 25 MB are counted, at most 500 times)
  -h, --help  show this text

A word is a run of ASCII letters, digits and bytes above 127; upper case counts
as lower case. Symbolic links are followed, and a file that can be reached in
several ways counts once. A file with a NUL byte is a binary and is skipped.

Exit status: 0 counted, 1 something went wrong, 2 bad usage.
]]

local BLOCK = 65536     -- bytes read at a time
local TICK = 100        -- milliseconds between two looks at the threads
local STEPS = 10        -- that the progress bar makes for each thread, at most
local WORK = 25000000   -- bytes to count at least, unless --repeat is given
local MOST_ROUNDS = 500 -- for the sake of tiny folders

-- What a thread does: it counts the words of its files, several times over. A
-- failure that is to be expected is a result, nil and a message, not an error.
local count_words = [[
  local files, block_size, rounds = ...

  local function count_file(path, total)
    local file, problem = io.open(path, "rb")
    if not file then return problem end
    -- A block and the rest of its last line, so that no word is cut in two.
    local block, rest = file:read(block_size, "*l")
    while block do
      local text = rest and block .. rest or block
      for word in text:lower():gmatch("[%w\128-\255]+") do
        total.counts[word] = (total.counts[word] or 0) + 1
        total.words = total.words + 1
      end
      block, rest = file:read(block_size, "*l")
    end
    total.bytes = total.bytes + file:seek()
    file:close()
    -- After nil the second value is a message, or nil at the end of the file.
    return rest and path .. ": " .. rest
  end

  local total
  for round = 1, rounds do
    total = { bytes = 0, words = 0, counts = {} }
    for _, path in ipairs(files) do
      local problem = count_file(path, total)
      if problem then return nil, problem end
    end
  end
  return total
]]

-- The progress bar ------------------------------------------------------------

-- os.execute() returns true since Lua 5.2, and 0 before.
local function succeeds(command)
  local status = os.execute(command)
  return status == true or status == 0
end

local progress = { visible = succeeds("test -t 2"), line = "" }

function progress.bar(label, fraction)
  if not progress.visible then return end
  local filled = math.floor(fraction * 30)
  progress.line = ("%s [%s%s] %3d %%"):format(label, ("#"):rep(filled),
    ("-"):rep(30 - filled), math.floor(fraction * 100))
  io.stderr:write("\r", progress.line)
end

function progress.clear()
  if progress.line == "" then return end
  io.stderr:write("\r", (" "):rep(#progress.line), "\r")
  progress.line = ""
end

local function fail(status, message)
  progress.clear()
  io.stderr:write("wordcount: ", message, "\n")
  os.exit(status)
end

-- The command line ------------------------------------------------------------

local function misuse(message)
  fail(2, message .. " (try --help)")
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function positive_integer(option, text)
  local number = text and text:find("^%d+$") and tonumber(text)
  if not number or number < 1 then
    misuse(("%s: not a positive integer: %s"):format(option, text or "nothing"))
  end
  return number
end

local numeric_options = { ["-j"] = "threads", ["--repeat"] = "rounds" }

-- The option in a word, and its value if that is in the same word: -j4.
local function split_option(word)
  local option, value = word:match("^(%-j)(.+)$")
  if option then return option, value end
  option, value = word:match("^(%-%-[^=]+)=(.*)$")
  return option or word, value
end

local function parse(words)
  local options, i = {}, 1
  while words[i] do
    local option, value = split_option(words[i])
    if numeric_options[option] then
      if not value then i, value = i + 1, words[i + 1] end
      options[numeric_options[option]] = positive_integer(option, value)
    elseif option == "-h" or option == "--help" then
      io.write(usage)
      os.exit(0)
    elseif words[i]:find("^%-") then
      misuse("unknown option: " .. words[i])
    elseif options.folder then
      misuse("more than one folder: " .. words[i])
    else
      options.folder = words[i]
    end
    i = i + 1
  end
  return options
end

local function online_processors()
  return tonumber(output_of("getconf _NPROCESSORS_ONLN 2>/dev/null")) or 1
end

-- The files -------------------------------------------------------------------

-- The real paths of all files below a folder, each once.
local function find_files(folder)
  -- find must not take the name for one of its own words.
  if not folder:find("^[./]") then folder = "./" .. folder end
  local output = output_of(("find -L %s -type f -exec realpath -z {} +")
    :format(quoted(folder)))
  local paths, seen, start = {}, {}, 1
  for stop in function() return output:find("\0", start, true) end do
    local path = output:sub(start, stop - 1)
    if not seen[path] then
      seen[path] = true
      paths[#paths + 1] = path
    end
    start = stop + 1
  end
  return paths
end

-- The size of a file and whether it is a binary, or nil and a message. All of
-- it is read, not asked for its size: this way it is in the system's memory
-- before any time is taken, and those who come first do not wait for the disk.
local function inspect(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local size, binary = 0, nil
  local block, trouble = file:read(BLOCK)
  while block and not binary do
    size = size + #block
    binary = block:find("\0", 1, true)
    block, trouble = file:read(BLOCK)
  end
  file:close()
  if trouble then return nil, path .. ": " .. trouble end
  return size, binary
end

-- A list of { path =, size = }, the largest first, with what was left out.
local function text_files(folder)
  local files = { bytes = 0, binary = 0, unreadable = 0 }
  for _, path in ipairs(find_files(folder)) do
    local size, binary = inspect(path)
    if not size then
      io.stderr:write("wordcount: skipped: ", binary, "\n")
      files.unreadable = files.unreadable + 1
    elseif binary then
      files.binary = files.binary + 1
    else
      files[#files + 1] = { path = path, size = size }
      files.bytes = files.bytes + size
    end
  end
  table.sort(files, function(a, b)
    if a.size ~= b.size then return a.size > b.size end
    return a.path < b.path
  end)
  return files
end

-- Shares files out so that each part has about as many bytes as the others:
-- the largest first, each to the part that has least so far.
local function split(files, number)
  local parts, sizes = {}, {}
  for i = 1, number do parts[i], sizes[i] = {}, 0 end
  for _, file in ipairs(files) do
    local least = 1
    for i = 2, number do
      if sizes[i] < sizes[least] then least = i end
    end
    table.insert(parts[least], file.path)
    sizes[least] = sizes[least] + file.size
  end
  return parts
end

-- The threads -----------------------------------------------------------------

local function start_threads(parts, rounds)
  local threads = {}
  for i, paths in ipairs(parts) do
    local thread, problem =
      llthreads2.new(count_words, paths, BLOCK, rounds):start()
    if not thread then fail(1, "cannot start a thread: " .. problem) end
    threads[i] = thread
  end
  return threads
end

-- How many threads have ended, if all before the one at `first` have.
local function ended(threads, first)
  local number = first - 1
  for i = first, #threads do
    if not threads[i]:alive() then number = number + 1 end
  end
  return number
end

-- Waits for a thread's result, telling now and then how many have ended.
local function result_of(threads, index, tell)
  local ok, result, problem = threads[index]:join(TICK)
  while ok == nil and result == "timeout" do
    tell(ended(threads, index))
    ok, result, problem = threads[index]:join(TICK)
  end
  if not ok then fail(1, "a thread failed: " .. result) end
  if not result then fail(1, problem) end
  return result
end

local function add(total, part)
  total.bytes = total.bytes + part.bytes
  total.words = total.words + part.words
  for word, count in pairs(part.counts) do
    total.counts[word] = (total.counts[word] or 0) + count
  end
end

-- Counts all files `rounds` times, each thread its own part: the result of a
-- round. Calls tell(n) when n threads have ended.
local function count(parts, rounds, tell)
  local total = { bytes = 0, words = 0, counts = {} }
  local threads = start_threads(parts, rounds)
  for i = 1, #threads do
    add(total, result_of(threads, i, tell))
    tell(i)
  end
  return total
end

-- Seconds on the clock. os.clock() would not do: it adds up what all threads
-- use of the processors.
local function now()
  return tonumber(output_of("date +%s.%N")) or os.time()
end

local function plural(number, noun)
  return ("%s %s%s"):format(number, noun, number == 1 and "" or "s")
end

-- The whole job: the result of a round, and the seconds that all rounds took.
local function measure(files, number, rounds)
  local parts, label = split(files, number), plural(number, "thread")
  local start, total = now(), nil
  local step = math.ceil(rounds / STEPS)
  for done = 0, rounds - 1, step do
    local due = math.min(step, rounds - done)
    total = count(parts, due, function(threads)
      progress.bar(label, (done + due * threads / number) / rounds)
    end)
  end
  local seconds = now() - start
  progress.clear()
  return total, seconds
end

-- The report ------------------------------------------------------------------

local function row(name, value)
  print(("%-16s%s"):format(name, value))
end

local function sorted_words(counts)
  local words = {}
  for word in pairs(counts) do words[#words + 1] = word end
  table.sort(words, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return words
end

local function report(files, total)
  local words = sorted_words(total.counts)
  row("files", #files)
  row("skipped", ("%d binary, %d unreadable"):format(files.binary,
    files.unreadable))
  row("bytes", total.bytes)
  row("words", total.words)
  row("distinct words", #words)
  for i = 1, math.min(10, #words) do
    row(i == 1 and "top words" or "",
      ("%8d  %s"):format(total.counts[words[i]], words[i]))
  end
end

local function time_row(name, seconds, number, rounds)
  row(name, ("%.3f s (%s, %s)"):format(seconds, plural(number, "thread"),
    plural(rounds, "round")))
end

-- The first difference between two results, as a text; nil if there is none.
local function difference(a, b)
  for _, name in ipairs { "bytes", "words" } do
    if a[name] ~= b[name] then
      return ("%d and %d %s"):format(a[name], b[name], name)
    end
  end
  for _, counts in ipairs { a.counts, b.counts } do
    for word in pairs(counts) do
      local first, second = a.counts[word] or 0, b.counts[word] or 0
      if first ~= second then
        return ("%d and %d times %q"):format(first, second, word)
      end
    end
  end
end

-- The program -----------------------------------------------------------------

local function main(options)
  local folder = options.folder or "/usr/share/common-licenses"
  if not succeeds("test -d " .. quoted(folder)) then
    misuse("not a folder: " .. folder)
  end

  local files = text_files(folder)
  if #files == 0 then return print("There are no text files in " .. folder) end

  local number = math.min(options.threads or online_processors(), #files)
  local rounds = options.rounds
    or math.min(MOST_ROUNDS, math.ceil(WORK / files.bytes))

  local total, seconds = measure(files, number, rounds)
  report(files, total)
  time_row("time", seconds, number, rounds)

  local total_alone, seconds_alone = measure(files, 1, rounds)
  time_row("time alone", seconds_alone, 1, rounds)
  local problem = difference(total, total_alone)
  if problem then fail(1, "the results differ: " .. problem) end
  row("results", "the same")
  row("speed-up", ("%.2f"):format(seconds_alone / math.max(seconds, 0.001)))
end

main(parse(arg))
