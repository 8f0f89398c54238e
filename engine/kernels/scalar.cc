#include "engine/kernels/generic.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/vec_scalar.h"

namespace halfling::kernels {
namespace {

bool IsSupported() { return true; }

}  // namespace

constinit const Implementation kScalar = Generic<VecScalar>::Make("scalar", IsSupported);

}  // namespace halfling::kernels
