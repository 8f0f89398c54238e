// Compiled with -mavx2 (engine/CMakeLists.txt); runs only where the processor has it.
#include "engine/kernels/generic.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/vec_avx2.h"

namespace halfling::kernels {
namespace {

bool IsSupported() { return __builtin_cpu_supports("avx2") != 0; }

}  // namespace

constinit const Implementation kAvx2 = Generic<VecAvx2>::Make("avx2", IsSupported);

}  // namespace halfling::kernels
