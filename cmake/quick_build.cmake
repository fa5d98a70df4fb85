# For a build from nothing: what most sources include is parsed once for all of them (the standard library's headers, and GoogleTest's
# for the tests), and several sources of a target are compiled as one. That each source includes what it uses is shown without it, by
# tests/lint/compiles_alone.py.
option(DAVIT_QUICK "Compile several sources as one, with precompiled headers" OFF)
if(DAVIT_QUICK)
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp") # the same headers give the same file, which ccache asks for
endif()

set(DAVIT_COMMON_HEADERS <algorithm> <array> <charconv> <chrono> <coroutine> <cstdint> <cstring> <exception> <filesystem> <functional>
                         <map> <memory> <optional> <set> <span> <string> <string_view> <tuple> <unordered_map> <utility> <vector>
                         <fmt/format.h>)

# The targets of a folder and of those below it.
function(davit_targets_below folder found)
  get_property(all DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(below IN LISTS folders)
    davit_targets_below(${below} more)
    list(APPEND all ${more})
  endforeach()
  set(${found} ${all} PARENT_SCOPE)
endfunction()

# To be called when all targets are known.
function(davit_quick_build)
  if(NOT DAVIT_QUICK)
    return()
  endif()
  davit_targets_below(${CMAKE_SOURCE_DIR} targets)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    # What is compiled with other flags can't use the same precompiled headers: the shim, and the main files of programs.
    if("GTest::gmock" IN_LIST libraries)
      set(headers core_test ${DAVIT_COMMON_HEADERS} <gtest/gtest.h> <gmock/gmock.h>)
    elseif(type STREQUAL STATIC_LIBRARY)
      set(headers davit_core ${DAVIT_COMMON_HEADERS})
    else()
      continue()
    endif()
    list(POP_FRONT headers owner)
    if(target STREQUAL owner)
      target_precompile_headers(${target} PRIVATE ${headers})
    else()
      target_precompile_headers(${target} REUSE_FROM ${owner})
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endforeach()
endfunction()
