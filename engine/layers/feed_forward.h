// The gate of the SwiGLU feed-forward network: down(silu(gate(x)) * up(x)).
#ifndef HALFLING_ENGINE_LAYERS_FEED_FORWARD_H_
#define HALFLING_ENGINE_LAYERS_FEED_FORWARD_H_

#include "engine/tensor/tensor.h"

namespace halfling {

// gate = silu(gate) * up; both [tokens, ffn_dim]. The result is what `down` reads.
void ApplyGate(Matrix& gate, const Matrix& up);

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_FEED_FORWARD_H_
