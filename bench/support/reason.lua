-- SPDX-License-Identifier: MIT
--
-- Why something has failed, in one line: an error without its position and
-- without what follows its first line.

return function(problem)
  local line = tostring(problem):match("[^\n]*")
  return (line:gsub("^.-:%d+: ", "", 1))
end
