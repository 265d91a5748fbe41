# SPDX-License-Identifier: MIT
#
# Which Lua it is, and where. Sets LUA, if it is empty; LUA_INTERFACE, the
# version whose interface it has and by which its folders of modules are named;
# and LUA_NAME, what Debian calls its interpreter.

# The version, such as 5.1, that the headers in a folder are for: the number is
# written out in them until 5.4, and is made of its parts since 5.5.
function(version_of_headers folder result)
  if(NOT EXISTS ${folder}/lua.h)
    message(FATAL_ERROR "LUA_INCLUDE_DIR: there is no lua.h in '${folder}'.")
  endif()
  file(STRINGS ${folder}/lua.h lines
    REGEX "define[ \t]+LUA_VERSION_(NUM[ \t]+50[1-4]|MINOR_N[ \t]+[0-9]+)")
  string(REGEX MATCH "(50|MINOR_N[ \t]+)([0-9]+)" _ "${lines}")
  set(${result} 5.${CMAKE_MATCH_2} PARENT_SCOPE)
endfunction()

if(LUA_INCLUDE_DIR)
  version_of_headers(${LUA_INCLUDE_DIR} headers)
endif()
if(NOT LUA AND LUA_INCLUDE_DIR)
  set(LUA ${headers})
elseif(NOT LUA)
  set(LUA 5.4)
endif()

if(LUA STREQUAL "luajit")
  set(LUA_INTERFACE 5.1)
  set(LUA_NAME luajit)
elseif(LUA MATCHES "^5\\.[1-5]$")
  set(LUA_INTERFACE ${LUA})
  set(LUA_NAME lua${LUA})
else()
  message(FATAL_ERROR "LUA: 5.1 to 5.5 or luajit expected, got '${LUA}'.")
endif()
if(LUA_INCLUDE_DIR AND NOT headers STREQUAL LUA_INTERFACE)
  message(FATAL_ERROR "The headers in '${LUA_INCLUDE_DIR}' are those of Lua \
${headers}, and LUA is ${LUA}.")
endif()
message(STATUS "The Lua to build for: ${LUA_NAME}")

# Distributors disagree on the names; plain `lua` may be any version.
function(find_lua_package)
  if(LUA STREQUAL "luajit")
    pkg_search_module(LUA_PACKAGE luajit)
  else()
    string(REPLACE . "" short ${LUA})
    string(REGEX REPLACE "^5\\." "" minor ${LUA})
    math(EXPR next "${minor} + 1")
    pkg_search_module(LUA_PACKAGE lua${LUA} lua-${LUA} lua${short}
      "lua >= ${LUA} lua < 5.${next}")
  endif()
  if(NOT LUA_PACKAGE_FOUND)
    message(FATAL_ERROR "The headers of ${LUA_NAME} are missing. "
      "LUA_INCLUDE_DIR may say where they are.")
  endif()
  set(LUA_INCLUDE_DIRS ${LUA_PACKAGE_INCLUDE_DIRS} PARENT_SCOPE)
  set(LUA_LINK_LIBRARIES ${LUA_PACKAGE_LINK_LIBRARIES} PARENT_SCOPE)
endfunction()

# Sets LUA_INCLUDE_DIRS, and LUA_LINK_LIBRARIES for programs that embed Lua;
# without the latter there are none.
macro(find_lua)
  if(LUA_INCLUDE_DIR)
    set(LUA_INCLUDE_DIRS ${LUA_INCLUDE_DIR})
  else()
    find_lua_package()
  endif()
  if(LUA_INTERFACE MATCHES "^5\\.[12]$")
    find_path(COMPAT53_INCLUDE_DIR compat-5.3.h
      HINTS ${LUA_INCLUDE_DIRS} PATH_SUFFIXES lua${LUA_INTERFACE})
    if(NOT COMPAT53_INCLUDE_DIR)
      message(FATAL_ERROR "lua-compat-5.3 is missing: compat-5.3.h.")
    endif()
    # Behind: on Debian it lies beside a lua.h.
    list(APPEND LUA_INCLUDE_DIRS ${COMPAT53_INCLUDE_DIR})
  endif()
endmacro()
