# Writes OUTPUT, a source file that defines halfling::kBuildId: a hash of the sources, the build
# files, the compiler and the build type. Both SIMD variants of one tree have the same id.
#
# usage: cmake -DROOT=… -DCOMPILER=… -DBUILD_TYPE=… -DOUTPUT=… -P build_id.cmake
cmake_minimum_required(VERSION 3.24)

file(GLOB_RECURSE sources RELATIVE "${ROOT}"
     "${ROOT}/engine/*.cc" "${ROOT}/engine/*.h" "${ROOT}/wasm/*.cc" "${ROOT}/wasm/CMakeLists.txt"
     "${ROOT}/engine/CMakeLists.txt" "${ROOT}/CMakeLists.txt" "${ROOT}/cmake/*.cmake")
list(SORT sources)

set(digests "${COMPILER} ${BUILD_TYPE}")
foreach(source IN LISTS sources)
  file(SHA256 "${ROOT}/${source}" digest)
  string(APPEND digests "\n${source} ${digest}")
endforeach()
string(SHA256 id "${digests}")
string(SUBSTRING "${id}" 0 16 id)

file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT
"namespace halfling {
extern const char kBuildId[];
const char kBuildId[] = \"@id@\";
}  // namespace halfling
")
