// Compiled with -mavx512f, -mavx512bw and -mavx512vnni (engine/CMakeLists.txt); runs only where the
// processor has them. The first generation, without VNNI, runs AVX2.
#include "engine/kernels/generic.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/vec_avx512.h"

namespace halfling::kernels {
namespace {

bool IsSupported() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
}

}  // namespace

constinit const Implementation kAvx512 = Generic<VecAvx512>::Make("avx512", IsSupported);

}  // namespace halfling::kernels
