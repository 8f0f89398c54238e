# halfling_add_test(name SOURCES a_test.cc … [LIBS halfling_engine …])
#
# A Catch2 program and its CTest entry. Tests run in the repository's root and open their data by
# paths relative to it ("tests/golden/…"). In the wasm builds the program is an ES module without
# access to the disk: tests/wasm/ holds its runners for Node (CTest's) and for Chromium, which copy
# the data folders into its memory file system. Both run the same bytes.
function(halfling_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: halfling_add_test(name SOURCES a_test.cc … [LIBS target …])")
  endif()

  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} Halfling::catch2)
  # Catch2's and nlohmann's headers take longer to compile than the tests: each is read once or twice.
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  # Catch2's macros are slow to optimize, and the engine under test is compiled on its own.
  target_compile_options(${name} PRIVATE ${halfling_quick_optimization} -g0)
  set(command ${name})

  if(EMSCRIPTEN)
    set_target_properties(${name} PROPERTIES
      SUFFIX ".mjs" RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/programs")
    target_link_options(${name} PRIVATE
      -O1  # The linker's own optimizer would take longer than the tests.
      -sMODULARIZE -sEXPORT_ES6 -sENVIRONMENT=node,web -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
      -sALLOW_MEMORY_GROWTH=1 -sSTACK_SIZE=1MB -sFORCE_FILESYSTEM=1
      -sEXPORTED_RUNTIME_METHODS=FS,callMain)
    if(HALFLING_THREADS)
      target_link_options(${name} PRIVATE -sPTHREAD_POOL_SIZE=8)  # of all pools at any time
    endif()
    set(command node "${CMAKE_SOURCE_DIR}/tests/wasm/run_in_node.mjs" "$<TARGET_FILE:${name}>"
        --use-colour no)
  endif()

  add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()
