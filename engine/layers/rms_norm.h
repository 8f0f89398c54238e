// Root-mean-square normalization (Zhang and Sennrich, 2019).
#ifndef HALFLING_ENGINE_LAYERS_RMS_NORM_H_
#define HALFLING_ENGINE_LAYERS_RMS_NORM_H_

#include <span>

#include "engine/tensor/tensor.h"

namespace halfling {

// Normalizes each row of x, [tokens, weight.size()], into `normed`, resized.
void RmsNormRows(const Matrix& x, std::span<const float> weight, float epsilon, Matrix& normed);

// Normalizes each head of `heads`, [any number of heads * weight.size()], in place (Qwen3).
void RmsNormHeads(std::span<const float> weight, float epsilon, std::span<float> heads);

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_RMS_NORM_H_
