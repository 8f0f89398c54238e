#include "engine/kernels/generic.h"
#include "engine/kernels/implementation_list.h"
#include "engine/kernels/vec_wasm128.h"

namespace halfling::kernels {
namespace {

bool IsSupported() { return true; }

}  // namespace

constinit const Implementation kWasm128 = Generic<VecWasm128>::Make("wasm128", IsSupported);

}  // namespace halfling::kernels
