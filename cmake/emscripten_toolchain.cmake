# Hands over to Emscripten's own CMake toolchain file, whose place scripts/setup wrote down: that of
# an `emcc` that is new enough, or of the private one which it unpacked into .toolchain/.

set(halfling_emscripten_note "${CMAKE_CURRENT_LIST_DIR}/../.toolchain/emscripten_root")
set(halfling_emscripten "")
if(DEFINED ENV{HALFLING_EMSCRIPTEN})
  set(halfling_emscripten "$ENV{HALFLING_EMSCRIPTEN}")
elseif(EXISTS "${halfling_emscripten_note}")
  file(STRINGS "${halfling_emscripten_note}" halfling_emscripten LIMIT_COUNT 1)
endif()

set(halfling_toolchain "${halfling_emscripten}/cmake/Modules/Platform/Emscripten.cmake")
if(NOT EXISTS "${halfling_toolchain}")
  message(FATAL_ERROR
    "Emscripten is not set up (looked for '${halfling_toolchain}').\n"
    "Run scripts/setup first: it uses an emcc >= 3.1.69 from PATH where there is one and otherwise "
    "unpacks one privately into .toolchain/. To build with another one, set HALFLING_EMSCRIPTEN to "
    "the folder that holds emcc.py.")
endif()

include("${halfling_toolchain}")
