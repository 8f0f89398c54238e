#include "engine/kernels/generic.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/vec_sse2.h"

namespace halfling::kernels {
namespace {

bool IsSupported() { return true; }

}  // namespace

constinit const Implementation kSse2 = Generic<VecSse2>::Make("sse2", IsSupported);

}  // namespace halfling::kernels
