#include "engine/layers/feed_forward.h"

#include "engine/kernels/kernels.h"

namespace halfling {

void ApplyGate(Matrix& gate, const Matrix& up) {
  kernels::SiluMultiply(gate.values(), up.values());
}

}  // namespace halfling
