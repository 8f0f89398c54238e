# Flags that every target shares.

set(HALFLING_SANITIZE "" CACHE STRING "Sanitizers (native), such as address,undefined or thread")
option(HALFLING_RELAXED_SIMD "Relaxed SIMD (wasm)" OFF)
option(HALFLING_THREADS "Threads within one recommendation (wasm: needs shared memory)" ON)
set(HALFLING_MARCH "" CACHE STRING
    "Instruction set (native), such as x86-64-v3, or native for that of the machine that compiles, which \
the preset native has: the compressor's Eigen gains, while the engine's kernels choose theirs at run \
time anyway. The tool then runs on such machines alone; empty: on all.")
option(HALFLING_WERROR "Treat warnings as errors" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()
# GCC's default for this build type is -O2, which leaves loops unvectorized in GCC 11 and before.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O3 -g1 -DNDEBUG")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(HALFLING_WERROR)
  add_compile_options(-Werror)
endif()

# The same model must rank the same everywhere, so no compiler may fuse a multiply with an add.
add_compile_options(-ffp-contract=off)

if(HALFLING_MARCH AND NOT EMSCRIPTEN)
  add_compile_options(-march=${HALFLING_MARCH})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Its own headers of AVX-512 read what they leave undefined on purpose (GCC bug 105593); Clang and
    # the sanitized build look for ours.
    add_compile_options(-Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
endif()

# For code that runs once, or in tests alone. Optimizing a sanitized build takes minutes: only the
# engine's loops are worth that.
set(halfling_quick_optimization -O1)
if(HALFLING_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O0 -g1")
  set(halfling_quick_optimization -O0)
  set(halfling_sanitizers -fsanitize=${HALFLING_SANITIZE} -fno-sanitize-recover=all)
  add_compile_options(${halfling_sanitizers} -fno-omit-frame-pointer)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(${halfling_sanitizers})
endif()

# What engine/base/thread_pool.h asks; without threads it is the loop that it looks like.
add_compile_definitions(HALFLING_THREADS=$<BOOL:${HALFLING_THREADS}>)
if(EMSCRIPTEN AND HALFLING_THREADS)
  add_compile_options(-pthread)
  # A memory that grows and is shared slows JavaScript's access to it, which only copies in and out.
  add_link_options(-pthread -Wno-pthreads-mem-growth)
endif()

if(EMSCRIPTEN)
  # Errors are values in the engine, so the module carries neither unwinding tables nor type names.
  # Test programs turn both on again for Catch2's sake (halfling_add_test).
  add_compile_options(-fno-exceptions -fno-rtti -msimd128)
  if(HALFLING_RELAXED_SIMD)
    add_compile_options(-mrelaxed-simd)
    add_compile_definitions(HALFLING_RELAXED_SIMD=1)
  endif()
endif()
