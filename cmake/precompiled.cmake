# What most sources include is parsed once for all of them: the standard library's headers, and GoogleTest's for the tests. Where the
# product's sources do without, that they compile shows that each includes what it uses.
set(DAVIT_PRECOMPILE "" CACHE STRING "Whose common headers are precompiled: tests, all (the product's, too), or nobody's when empty")
if(DAVIT_PRECOMPILE)
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
function(davit_precompile)
  if(NOT DAVIT_PRECOMPILE)
    return()
  endif()
  if(DAVIT_PRECOMPILE STREQUAL all)
    target_precompile_headers(davit_core PRIVATE ${DAVIT_COMMON_HEADERS})
  endif()
  target_precompile_headers(core_test PRIVATE ${DAVIT_COMMON_HEADERS} <gtest/gtest.h> <gmock/gmock.h>)
  davit_targets_below(${CMAKE_SOURCE_DIR} targets)
  list(REMOVE_ITEM targets davit_core core_test)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    # What is compiled with other flags can't use them: the shim, and the main files of programs.
    if("GTest::gmock" IN_LIST libraries)
      target_precompile_headers(${target} REUSE_FROM core_test)
    elseif(DAVIT_PRECOMPILE STREQUAL all AND type STREQUAL STATIC_LIBRARY)
      target_precompile_headers(${target} REUSE_FROM davit_core)
    endif()
  endforeach()
endfunction()
