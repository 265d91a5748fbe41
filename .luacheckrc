-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 80
files["spec"] = { std = "+busted" }
files["tests/canary"] = { std = "+busted" }
exclude_files = { "build" }
