// What a model has besides its layers: embedding, head and final norm.
#ifndef HALFLING_COMPRESSOR_STAGES_OUTER_WEIGHTS_H_
#define HALFLING_COMPRESSOR_STAGES_OUTER_WEIGHTS_H_

#include <functional>
#include <string_view>
#include <vector>

#include "engine/model/weights.h"
#include "engine/model_file/safetensors.h"

namespace halfling {

// The dtype in which to store a tensor, by its Hugging Face name.
using DTypeChoice = std::function<DType(std::string_view name)>;

struct RoundedWeights {
  ModelWeights weights;  // without layers, with the integers' values, floats before they are narrowed
  std::vector<NamedTensor> tensors;  // under the names that LoadWeights looks for
};

// The matrices in matrix_dtype(name), int8 or int4 rounded to nearest, the norm in
// vector_dtype(name). kTooLarge where a value is beyond its dtype's range.
Result<RoundedWeights> RoundOuterWeights(const ModelWeights& weights,
                                         const DTypeChoice& matrix_dtype,
                                         const DTypeChoice& vector_dtype);

// The norms of a layer.
Status AppendNorms(int layer, const LayerWeights& weights, const DTypeChoice& vector_dtype,
                   std::vector<NamedTensor>& tensors);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_OUTER_WEIGHTS_H_
