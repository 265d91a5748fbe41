-- SPDX-License-Identifier: MIT
--
-- A pool of workers: threads that take jobs from one channel and put results
-- into another. They count the words of all text files of a folder; then this
-- thread does it alone, and both must agree. `--help` tells more.
--
-- The job and the pool come first. What follows makes a whole program of them:
-- the files, a progress bar, a report, the command line.
--
-- Prints:
--   files           ...
--   ...
--   results         the same
--   speed-up        ...

local channel = require "llthreads2.channel"
local ex = require "llthreads2.ex"

local usage = [[
usage: lua worker_pool.lua [-j N] [--repeat K] [FOLDER]

Counts the words of all text files below FOLDER (/usr/share/common-licenses if
none is given) with N worker threads and then, to compare, without any.

  -j N        use N workers (default: one for each online processor), but never
              more than there are files
  --repeat K  count everything K times, so that the time of a small folder can
              be measured (default: until 25 MB are counted, at most 500 times)
  -h, --help  show this text

A word is a run of ASCII letters, digits and bytes above 127; upper case counts
as lower case. Symbolic links are followed, and a file that can be reached in
several ways counts once. A file with a NUL byte is a binary and is skipped.

Exit status: 0 counted, 1 something went wrong, 2 bad usage.
]]

-- The job ---------------------------------------------------------------------

-- Adds the words of a file to `total`; returns how many bytes it has. It is
-- sent to the workers, so it uses no local variable of this program.
local function count_file(path, total)
  local file, problem = io.open(path, "rb")
  if not file then error(problem, 0) end
  -- A block and the rest of its last line, so that no word is cut in two.
  local block, rest = file:read(65536, "*l")
  while block do
    local text = rest and block .. rest or block
    for word in text:lower():gmatch("[%w\128-\255]+") do
      total.counts[word] = (total.counts[word] or 0) + 1
      total.words = total.words + 1
    end
    block, rest = file:read(65536, "*l")
  end
  local size = file:seek()
  file:close()
  -- After nil the second value is a message, or nil at the end of the file.
  if rest then error(path .. ": " .. rest, 0) end
  total.bytes = total.bytes + size
  return size
end

-- What a worker runs. Its results are small and frequent, so that the parent
-- can show how far the work is; its sum, which is large, it sends once, last.
local function work(code, jobs, results)
  local count = (loadstring or load)(code) -- Lua 5.1 needs the former
  local total = { bytes = 0, words = 0, counts = {} }
  local ok, problem = pcall(function()
    for path in jobs:messages() do
      results:send("counted", count(path, total))
    end
  end)
  if ok then
    results:send("ended", total)
  else
    results:send("failed", problem)
  end
end

-- The pool --------------------------------------------------------------------

local function start_workers(number, jobs, results)
  local workers, code = {}, string.dump(count_file)
  for i = 1, number do
    local worker, problem = ex.new(work, code, jobs, results):start()
    if not worker then error("cannot start a worker: " .. problem, 0) end
    workers[i] = worker
  end
  return workers
end

-- Puts jobs into the channel while there is room, beginning with number `next`:
-- all files, and then from the first one again. Closes the channel behind the
-- last job, which is how the workers learn that there are no more. Returns the
-- number of the next job.
local function feed(jobs, files, next, last)
  while next <= last
    and jobs:try_send(files[(next - 1) % #files + 1].path) do
    next = next + 1
  end
  if next > last then jobs:close() end
  return next
end

local function add(total, part)
  total.bytes = total.bytes + part.bytes
  total.words = total.words + part.words
  for word, count in pairs(part.counts) do
    total.counts[word] = (total.counts[word] or 0) + count
  end
end

-- Lets workers count all files several times over and returns the sum. Calls
-- tell(bytes) for each file. The channel of jobs has little room, so however
-- many there are, only a few wait in it. That of the results has no bound, so
-- no worker ever waits for us.
local function count_by_workers(files, rounds, number, tell)
  local jobs, results = channel.new(2 * number), channel.new()
  local workers = start_workers(number, jobs, results)
  local total = { bytes = 0, words = 0, counts = {} }
  local next, running = 1, number
  while running > 0 do
    next = feed(jobs, files, next, #files * rounds)
    local _, event, value = results:receive()
    if event == "counted" then
      tell(value)
    elseif event == "ended" then
      add(total, value)
      running = running - 1
    else
      error("a worker failed: " .. value, 0)
    end
  end
  for _, worker in ipairs(workers) do assert(worker:join()) end
  return total
end

-- The same by this thread, for comparison.
local function count_alone(files, rounds, tell)
  local total = { bytes = 0, words = 0, counts = {} }
  for i = 0, #files * rounds - 1 do
    tell(count_file(files[i % #files + 1].path, total))
  end
  return total
end

-- The shell -------------------------------------------------------------------

local function succeeds(command)
  local result = os.execute(command)
  return result == true or result == 0 -- Lua 5.1 returns the exit status
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

local function online_processors()
  return tonumber(output_of("getconf _NPROCESSORS_ONLN 2>/dev/null")) or 1
end

-- Seconds on the clock. os.clock() would not do: it adds up what all threads
-- use of the processors.
local function now()
  return tonumber(output_of("date +%s.%N")) or os.time()
end

-- The files -------------------------------------------------------------------

-- The real paths of all files below a folder, each once.
local function find_files(folder)
  -- find must not take the name for one of its own words.
  if not folder:find("^[./]") then folder = "./" .. folder end
  local output = output_of(("find -L %s -type f -exec realpath -z {} +")
    :format(quoted(folder)))
  local paths, seen = {}, {}
  -- There is a NUL behind each. (In Lua 5.1 a pattern cannot have one.)
  local from, to = 1, output:find("\0", 1, true)
  while to do
    local path = output:sub(from, to - 1)
    if not seen[path] then
      seen[path] = true
      paths[#paths + 1] = path
    end
    from, to = to + 1, output:find("\0", to + 1, true)
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
  local block, trouble = file:read(65536)
  while block and not binary do
    size = size + #block
    binary = block:find("\0", 1, true)
    block, trouble = file:read(65536)
  end
  file:close()
  if trouble then return nil, path .. ": " .. trouble end
  return size, binary
end

-- A list of { path =, size = } with what was left out. The largest files come
-- first: were one of them the last job, the other workers would wait for it.
local function text_files(folder)
  local files = { bytes = 0, binary = 0, unreadable = 0 }
  for _, path in ipairs(find_files(folder)) do
    local size, binary = inspect(path)
    if not size then
      io.stderr:write("worker_pool: skipped: ", binary, "\n")
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

-- The progress bar ------------------------------------------------------------

local progress = { visible = succeeds("test -t 2"), line = "" }

function progress.bar(label, fraction)
  if not progress.visible then return end
  local filled = math.floor(fraction * 30)
  local line = ("%s [%s%s] %3d %%"):format(label, ("#"):rep(filled),
    ("-"):rep(30 - filled), math.floor(fraction * 100))
  if line == progress.line then return end
  progress.line = line
  io.stderr:write("\r", line)
end

function progress.clear()
  if progress.line == "" then return end
  io.stderr:write("\r", (" "):rep(#progress.line), "\r")
  progress.line = ""
end

-- Runs count(tell) with a progress bar: its result, and how long it took.
local function measure(label, bytes, count)
  local done, start = 0, now()
  local total = count(function(size)
    done = done + size
    progress.bar(label, done / math.max(bytes, 1))
  end)
  local seconds = now() - start
  progress.clear()
  return total, seconds
end

-- The report ------------------------------------------------------------------

local function row(name, value)
  print(("%-16s%s"):format(name, value))
end

local function plural(number, noun)
  return ("%s %s%s"):format(number, noun, number == 1 and "" or "s")
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

-- What is in the files, from what was counted in all rounds.
local function report(files, total, rounds)
  local words = sorted_words(total.counts)
  row("files", #files)
  row("skipped", ("%d binary, %d unreadable"):format(files.binary,
    files.unreadable))
  row("bytes", math.floor(total.bytes / rounds))
  row("words", math.floor(total.words / rounds))
  row("distinct words", #words)
  for i = 1, math.min(10, #words) do
    row(i == 1 and "top words" or "",
      ("%8d  %s"):format(math.floor(total.counts[words[i]] / rounds), words[i]))
  end
end

local function time_row(name, seconds, who, rounds)
  row(name, ("%.3f s (%s, %s)"):format(seconds, who, plural(rounds, "round")))
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

-- The command line ------------------------------------------------------------

local function fail(status, message)
  progress.clear()
  io.stderr:write("worker_pool: ", message, "\n")
  os.exit(status)
end

local function misuse(message)
  fail(2, message .. " (try --help)")
end

local function positive_integer(option, text)
  local number = text and text:find("^%d+$") and tonumber(text)
  if not number or number < 1 or number > 2 ^ 53 then
    misuse(("%s: not a positive integer: %s"):format(option, text or "nothing"))
  end
  return number
end

-- "-j4" as "-j" and "4", "--repeat=2" as "--repeat" and "2".
local function separated(words)
  local list = {}
  for _, word in ipairs(words) do
    local option, value = word:match("^(%-j)(.+)$")
    if not option then option, value = word:match("^(%-%-[^=]+)=(.*)$") end
    list[#list + 1] = option or word
    list[#list + 1] = value
  end
  return list
end

local function parse(words)
  local options = {}
  while #words > 0 do
    local word = table.remove(words, 1)
    if word == "-j" or word == "--repeat" then
      options[word] = positive_integer(word, table.remove(words, 1))
    elseif word == "-h" or word == "--help" then
      io.write(usage)
      os.exit(0)
    elseif word:find("^%-") then
      misuse("unknown option: " .. word)
    elseif options.folder then
      misuse("more than one folder: " .. word)
    else
      options.folder = word
    end
  end
  return options
end

-- The program -----------------------------------------------------------------

local WORK = 25000000   -- bytes to count at least, unless --repeat is given
local MOST_ROUNDS = 500 -- for the sake of tiny folders

local function main(options)
  local folder = options.folder or "/usr/share/common-licenses"
  if not succeeds("test -d " .. quoted(folder)) then
    misuse("not a folder: " .. folder)
  end

  local files = text_files(folder)
  if #files == 0 then return print("There are no text files in " .. folder) end

  local number = math.min(options["-j"] or online_processors(), #files)
  local rounds = options["--repeat"]
    or math.min(MOST_ROUNDS, math.ceil(WORK / files.bytes))
  local bytes = files.bytes * rounds

  local label = plural(number, "worker")
  local total, seconds = measure(label, bytes, function(tell)
    return count_by_workers(files, rounds, number, tell)
  end)
  report(files, total, rounds)
  time_row("time", seconds, label, rounds)

  local alone, seconds_alone = measure("alone", bytes, function(tell)
    return count_alone(files, rounds, tell)
  end)
  time_row("time alone", seconds_alone, "no worker", rounds)

  local problem = difference(total, alone)
  if problem then error("the results differ: " .. problem, 0) end
  row("results", "the same")
  row("speed-up", ("%.2f"):format(seconds_alone / math.max(seconds, 0.001)))
end

local ok, problem = pcall(main, parse(separated(arg)))
if not ok then fail(1, problem) end
