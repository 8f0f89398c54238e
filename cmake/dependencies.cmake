# Libraries by the distribution's packages; each missing one names its package and set-up's script.
#
#   Halfling::expected  tl::expected        Halfling::eigen   Eigen 3 (native)
#   Halfling::json      nlohmann/json       Halfling::cli11   CLI11 (native)
#   Halfling::rapidjson RapidJSON           OpenSSL::Crypto, Threads::Threads (native)
#   Halfling::catch2    Catch2 with main()

# Emscripten searches its own sysroot alone, so the folder of each header-only library is linked
# into a folder of the build tree. Adding /usr/include itself would bring in the host's libc.
set(HALFLING_WASM_INCLUDES "${CMAKE_BINARY_DIR}/include")

# halfling_header_library(target header package [subfolder of include/])
# Defines Halfling::<target>, an interface target for <header>.
function(halfling_header_library target header package)
  find_path(HALFLING_${target}_INCLUDE "${header}"
            PATHS "${CMAKE_SOURCE_DIR}/.toolchain/include" /usr/include /usr/local/include
                  /opt/homebrew/include
            PATH_SUFFIXES ${ARGN}
            NO_CMAKE_FIND_ROOT_PATH)
  if(NOT HALFLING_${target}_INCLUDE)
    message(FATAL_ERROR "No header <${header}>. Run scripts/setup, or install ${package}.")
  endif()

  set(include_dir "${HALFLING_${target}_INCLUDE}")
  if(EMSCRIPTEN)
    get_filename_component(folder "${header}" DIRECTORY)
    file(MAKE_DIRECTORY "${HALFLING_WASM_INCLUDES}")
    file(CREATE_LINK "${include_dir}/${folder}" "${HALFLING_WASM_INCLUDES}/${folder}" SYMBOLIC)
    set(include_dir "${HALFLING_WASM_INCLUDES}")
  endif()

  add_library(halfling_${target} INTERFACE)
  add_library(Halfling::${target} ALIAS halfling_${target})
  target_include_directories(halfling_${target} SYSTEM INTERFACE "${include_dir}")
endfunction()

halfling_header_library(expected tl/expected.hpp libexpected-dev)
halfling_header_library(rapidjson rapidjson/reader.h rapidjson-dev)
halfling_header_library(json nlohmann/json.hpp nlohmann-json3-dev)
if(EMSCRIPTEN)
  # On the interface, so that every wasm object sees the same definitions.
  target_compile_definitions(halfling_json INTERFACE JSON_NOEXCEPTION)
else()
  halfling_header_library(eigen Eigen/Dense libeigen3-dev eigen3)
  target_compile_definitions(halfling_eigen INTERFACE EIGEN_MPL2_ONLY)
  halfling_header_library(cli11 CLI/CLI.hpp libcli11-dev)
  find_package(OpenSSL REQUIRED COMPONENTS Crypto)
  find_package(Threads REQUIRED)
endif()

# Catch2 2.x is one header, whose main() is compiled once here and serves wasm as well. Where only
# 3.x is installed (natively), its own library is used. tests/catch.h includes the right header.
find_path(HALFLING_CATCH2_V2 catch2/catch.hpp
          PATHS "${CMAKE_SOURCE_DIR}/.toolchain/include" /usr/include /usr/local/include
          NO_CMAKE_FIND_ROOT_PATH)
if(HALFLING_CATCH2_V2)
  halfling_header_library(catch2_header catch2/catch.hpp catch2)
  add_library(halfling_catch2 STATIC "${CMAKE_SOURCE_DIR}/tests/catch_main.cc")
  target_link_libraries(halfling_catch2 PUBLIC halfling_catch2_header)
  target_compile_options(halfling_catch2 PRIVATE -w -O0 -g0)  # Optimized, it takes minutes.
  if(HALFLING_SANITIZE)
    target_compile_options(halfling_catch2 PRIVATE -fno-sanitize=all)
  endif()
  if(EMSCRIPTEN)
    target_compile_options(halfling_catch2 PUBLIC -fexceptions -frtti -fwasm-exceptions)
    target_link_options(halfling_catch2 PUBLIC -fwasm-exceptions)
  endif()
  add_library(Halfling::catch2 ALIAS halfling_catch2)
elseif(EMSCRIPTEN)
  message(FATAL_ERROR "The wasm tests need the single header of Catch2 2.x (<catch2/catch.hpp>). "
                      "Run scripts/setup, or install Debian 12's catch2 package.")
else()
  find_package(Catch2 3 REQUIRED)
  add_library(Halfling::catch2 ALIAS Catch2::Catch2WithMain)
endif()
