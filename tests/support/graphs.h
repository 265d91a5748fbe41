/* SPDX-License-Identifier: MIT
 *
 * Random values, and what they look like.
 *
 * Both are Lua code, for it runs in the sender and in the receiver alike. A
 * graph is made from a seed: tables and functions that refer to each other and
 * to themselves, with keys of any type. Each table and each function carries a
 * number (tables as field `id`, functions as first upvalue), so that a text can
 * describe the graph without knowing in which order next() walks: a line for
 * each object, sorted, that names the objects it refers to. The text also says
 * where two objects have one number, or one object is met as two.
 */
#ifndef TESTS_SUPPORT_GRAPHS_H
#define TESTS_SUPPORT_GRAPHS_H

/* random_values(seed, size): some values; a seed is an integer from 1 to
 * 2147483646. Needs make(...), which returns a function with these upvalues,
 * and parcel(number). */
static const char graphs_make[] =
    "local state\n"
    "local function below(n)\n"
    "  state = state * 16807 % 2147483647\n"
    "  return math.floor(state / 1024) % n\n"
    "end\n"
    "local numbers = {0, 1, -1, 127, 128, 2147483648, -2147483649,\n"
    "  maxinteger, mininteger, 0.5, -0.0, 1e300, 1/0, -1/0, 2^53}\n"
    "local lengths = {0, 1, 5, 39, 40, 41, 255, 256, 300, 3000}\n"
    "local function leaf()\n"
    "  local kind = below(6)\n"
    "  if kind == 0 then return below(2) == 0 end\n"
    "  if kind == 1 then return numbers[1 + below(#numbers)] end\n"
    "  if kind == 2 then return below(1000) - 500 end\n"
    "  if kind == 3 then\n"
    "    return string.char(below(256)):rep(lengths[1 + below(#lengths)])\n"
    "  end\n"
    "  if kind == 4 then return print end\n"
    "  return 'k' .. below(20)\n"
    "end\n"
    "local function any(objects)\n"
    "  if below(3) > 0 or #objects == 0 then return leaf() end\n"
    "  return objects[1 + below(#objects)]\n"
    "end\n"
    "local function fill(t, objects)\n"
    "  for i = 1, below(8) do t[i] = any(objects) end\n"
    "  for _ = 1, below(6) do t[any(objects)] = any(objects) end\n"
    "  if below(4) == 0 then t[#t + 1 + below(3)] = any(objects) end\n"
    "end\n"
    "local function object(id, objects)\n"
    "  local kind = below(8)\n"
    "  if kind == 0 then\n"
    "    return make(id, any(objects), any(objects), nil, {id = id + 0.5})\n"
    "  end\n"
    "  if kind == 1 then return parcel(id) end\n"
    "  return {id = id}\n"
    "end\n"
    "function random_values(seed, size)\n"
    "  state = seed\n"
    "  local objects, values = {}, {}\n"
    "  for id = 1, below(size) do objects[id] = object(id, objects) end\n"
    "  for _, o in ipairs(objects) do\n"
    "    if type(o) == 'table' then fill(o, objects) o.id = o.id or 0 end\n"
    "  end\n"
    "  local count = below(5)\n"
    "  for i = 1, count do values[i] = any(objects) end\n"
    "  return unpack(values, 1, count)\n"
    "end\n";

/* describe(...): the text. Needs upvalue(f, i), which returns true and that
 * value of a C function, or nothing. */
static const char graphs_describe[] =
    "local function number(v)\n"
    "  if math.type and math.type(v) == 'integer' then return tostring(v) end\n"
    "  return string.format('f%.17g', v)\n"
    "end\n"
    "local function name(v)\n"
    "  local kind = type(v)\n"
    "  if kind == 'number' then return number(v) end\n"
    "  if kind == 'string' then return string.format('%q', v) end\n"
    "  if kind == 'table' then return 'T' .. tostring(rawget(v, 'id')) end\n"
    "  if kind == 'userdata' then return 'P' .. v:number() end\n"
    "  if kind == 'function' then\n"
    "    local _, id = upvalue(v, 1)\n"
    "    return id and 'F' .. id or 'print'\n"
    "  end\n"
    "  return tostring(v)\n"
    "end\n"
    "function describe(...)\n"
    "  local lines, met, todo = {}, {}, {}\n"
    "  local function note(v)\n"
    "    local n = name(v)\n"
    "    if type(v) == 'table' or type(v) == 'function' then\n"
    "      if met[n] == nil then met[n] = v todo[#todo + 1] = v end\n"
    "      if not rawequal(met[n], v) then lines[#lines + 1] = 'two ' .. n "
    "end\n"
    "    end\n"
    "    return n\n"
    "  end\n"
    "  local values = pack(...)\n"
    "  for i = 1, values.n do lines[i] = i .. ': ' .. note(values[i]) end\n"
    "  while #todo > 0 do\n"
    "    local o, parts = table.remove(todo), {}\n"
    "    if type(o) == 'table' then\n"
    "      for k, v in next, o do\n"
    "        parts[#parts + 1] = note(k) .. '=' .. note(v)\n"
    "      end\n"
    "    else\n"
    "      local i = 1\n"
    "      while upvalue(o, i) do\n"
    "        parts[i] = i .. '=' .. note(select(2, upvalue(o, i)))\n"
    "        i = i + 1\n"
    "      end\n"
    "    end\n"
    "    table.sort(parts)\n"
    "    lines[#lines + 1] = name(o) .. ' ' .. table.concat(parts, ' ')\n"
    "  end\n"
    "  table.sort(lines)\n"
    "  return table.concat(lines, '\\n')\n"
    "end\n";

#endif
