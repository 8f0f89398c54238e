// A linear layer in the form in which the model directory holds it.
#ifndef HALFLING_COMPRESSOR_STAGES_STORED_LINEAR_H_
#define HALFLING_COMPRESSOR_STAGES_STORED_LINEAR_H_

#include <string>
#include <variant>
#include <vector>

#include "engine/layers/linear.h"
#include "engine/model_file/safetensors.h"
#include "engine/tensor/stored_matrix.h"

namespace halfling {

// left * right; with pivots, right is those rows of the product and left gives the others.
struct StoredFactors {
  StoredMatrix left;
  StoredMatrix right;
  std::vector<int> pivots;
};

struct StoredLinear {
  std::variant<StoredMatrix, StoredFactors> weight;
  DType dtype = DType::kF32;  // of the matrices; a float one says what f32 values are narrowed to
  std::vector<float> bias;    // kept in f32
};

// Ready to run, from the values that are stored: integers as they are, floats before a narrower dtype
// rounds them.
Linear MakeLinear(const StoredLinear& stored);

// The bytes of one tensor; `values` narrowed to `dtype`. kTooLarge, naming it, where a value is
// beyond F16's range.
Result<NamedTensor> FloatTensor(std::string name, Shape shape, std::span<const float> values,
                                DType dtype);

// Appends the matrix, and its scales if it has any, under the names that LoadWeights looks for.
Status AppendMatrix(const std::string& name, const StoredMatrix& matrix, DType dtype,
                    std::vector<NamedTensor>& tensors);

// The bias of the linear layer `name`, if it has one.
Status AppendBias(const std::string& name, std::span<const float> bias,
                  std::vector<NamedTensor>& tensors);

// The tensors of the linear layer `name`, as above.
Status AppendLinear(const std::string& name, const StoredLinear& linear,
                    std::vector<NamedTensor>& tensors);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_STORED_LINEAR_H_
