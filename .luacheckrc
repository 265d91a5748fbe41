-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 80
-- What other Luas have, asked for before it is used.
read_globals = { "getfenv", "loadstring", "unpack" }
files["spec"] = { std = "+busted" }
files["tests/canary"] = { std = "+busted" }
exclude_files = { "build" }
