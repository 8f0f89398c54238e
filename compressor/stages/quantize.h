// Stage 5: the model's values in the precision in which they are stored.
#ifndef HALFLING_COMPRESSOR_STAGES_QUANTIZE_H_
#define HALFLING_COMPRESSOR_STAGES_QUANTIZE_H_

#include <functional>
#include <string_view>
#include <vector>

#include "engine/model/transformer.h"
#include "engine/model_file/safetensors.h"

namespace halfling {

// The dtype in which to store a tensor, by its Hugging Face name.
using DTypeChoice = std::function<DType(std::string_view name)>;

// The model's tensors under the names that LoadWeights looks for, embedding and head restricted to
// the rows `vocabulary_ids`. Matrices are stored as `matrix_dtype` says, vectors (norms, biases)
// as `vector_dtype` says. kTooLarge where a value is beyond the dtype's range.
//
// The scale of each pair of a left column and a right row is split evenly between them first, by a
// power of two, so that small factors do not fall below f16's range; that changes no product.
Result<std::vector<NamedTensor>> StoreTensors(const Transformer& model,
                                              const std::vector<int>& vocabulary_ids,
                                              const DTypeChoice& matrix_dtype,
                                              const DTypeChoice& vector_dtype);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_QUANTIZE_H_
