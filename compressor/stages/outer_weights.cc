#include "compressor/stages/outer_weights.h"

#include <string>
#include <utility>

#include "compressor/stages/stored_linear.h"

namespace halfling {
namespace {

// Rounds `matrix` to what is stored, and appends that.
Status RoundMatrix(const std::string& name, const DTypeChoice& dtype_of, Matrix& matrix,
                   std::vector<NamedTensor>& tensors) {
  const DType dtype = dtype_of(name);
  StoredMatrix stored = matrix;
  if (dtype == DType::kI8) stored = QuantizeInt8(matrix);
  if (dtype == DType::kU8) stored = QuantizeInt4(matrix);
  HALFLING_RETURN_IF_ERROR(AppendMatrix(name, stored, dtype, tensors));
  matrix = ToMatrix(stored);
  return {};
}

// Nothing for an empty vector: the configuration does not call for it.
Status AppendVector(const std::string& name, const DTypeChoice& dtype_of,
                    const std::vector<float>& values, std::vector<NamedTensor>& tensors) {
  if (values.empty()) return {};
  HALFLING_ASSIGN_OR_RETURN(
      NamedTensor tensor,
      FloatTensor(name, {static_cast<int64_t>(values.size())}, values, dtype_of(name)));
  tensors.push_back(std::move(tensor));
  return {};
}

}  // namespace

Result<RoundedWeights> RoundOuterWeights(const ModelWeights& weights,
                                         const DTypeChoice& matrix_dtype,
                                         const DTypeChoice& vector_dtype) {
  RoundedWeights rounded{weights, {}};
  HALFLING_RETURN_IF_ERROR(RoundMatrix(kEmbeddingTensor, matrix_dtype,
                                       rounded.weights.embedding, rounded.tensors));
  HALFLING_RETURN_IF_ERROR(
      AppendVector(kFinalNormTensor, vector_dtype, weights.final_norm, rounded.tensors));
  if (weights.head.rows() > 0) {
    HALFLING_RETURN_IF_ERROR(
        RoundMatrix(kHeadTensor, matrix_dtype, rounded.weights.head, rounded.tensors));
  }
  return rounded;
}

Status AppendNorms(int layer, const LayerWeights& weights, const DTypeChoice& vector_dtype,
                   std::vector<NamedTensor>& tensors) {
  for (const NormTensor& norm : kNormTensors) {
    HALFLING_RETURN_IF_ERROR(AppendVector(NormTensorName(layer, norm), vector_dtype,
                                          weights.*norm.weights, tensors));
  }
  return {};
}

}  // namespace halfling
