#include "compressor/stages/quantize.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace halfling {
namespace {

constexpr float kLargestF16 = 65504.0F;

Matrix GatherRows(const Matrix& matrix, const std::vector<int>& rows) {
  Matrix gathered(rows.size(), matrix.cols());
  for (size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(matrix.row(static_cast<size_t>(rows[i])), gathered.row(i).begin());
  }
  return gathered;
}

// Gives column k of `left` and row k of `right` norms within a factor of two of each other.
void BalanceFactors(Matrix& left, Matrix& right) {
  for (size_t k = 0; k < right.rows(); ++k) {
    double left_square = 0;
    double right_square = 0;
    for (size_t i = 0; i < left.rows(); ++i) left_square += std::pow(left.row(i)[k], 2.0);
    for (const float value : right.row(k)) right_square += std::pow(value, 2.0);
    if (!(left_square > 0) || !(right_square > 0)) continue;

    const int exponent = static_cast<int>(std::lround(std::log2(right_square / left_square) / 4));
    for (size_t i = 0; i < left.rows(); ++i) left.row(i)[k] = std::ldexp(left.row(i)[k], exponent);
    for (float& value : right.row(k)) value = std::ldexp(value, -exponent);
  }
}

// Collects the tensors; the first failure sticks.
class TensorWriter {
 public:
  TensorWriter(const DTypeChoice& matrix_dtype, const DTypeChoice& vector_dtype)
      : matrix_dtype_(matrix_dtype), vector_dtype_(vector_dtype) {}

  void AddMatrix(const std::string& name, const Matrix& matrix) {
    const Shape shape = {static_cast<int64_t>(matrix.rows()), static_cast<int64_t>(matrix.cols())};
    Add(name, shape, matrix.values(), matrix_dtype_(name));
  }

  // Nothing for an empty vector: the configuration does not call for it.
  void AddVector(const std::string& name, std::span<const float> values) {
    if (values.empty()) return;
    Add(name, {static_cast<int64_t>(values.size())}, values, vector_dtype_(name));
  }

  void AddLinear(const std::string& name, const Linear& linear) {
    if (linear.is_low_rank()) {
      Matrix left = linear.UnpackLeft();
      Matrix right = linear.UnpackRight();
      BalanceFactors(left, right);
      AddMatrix(name + ".left", left);
      AddMatrix(name + ".right", right);
    } else {
      AddMatrix(name + ".weight", linear.Unpack());
    }
    AddVector(name + ".bias", linear.bias());
  }

  Result<std::vector<NamedTensor>> Finish() {
    if (!status_) return tl::unexpected<Error>(status_.error());
    return std::move(tensors_);
  }

 private:
  void Add(const std::string& name, Shape shape, std::span<const float> values, DType dtype) {
    if (!status_) return;
    if (dtype == DType::kF16) {
      for (const float value : values) {
        if (std::abs(value) > kLargestF16) {
          status_ = Fail(ErrorCode::kTooLarge, name + ": the value " + std::to_string(value) +
                                                   " is beyond F16's range, store it as F32");
          return;
        }
      }
    }
    tensors_.push_back({name, dtype, std::move(shape), FromFloats(values, dtype)});
  }

  const DTypeChoice& matrix_dtype_;
  const DTypeChoice& vector_dtype_;
  Status status_;
  std::vector<NamedTensor> tensors_;
};

}  // namespace

Result<std::vector<NamedTensor>> StoreTensors(const Transformer& model,
                                              const std::vector<int>& vocabulary_ids,
                                              const DTypeChoice& matrix_dtype,
                                              const DTypeChoice& vector_dtype) {
  const ModelWeights& weights = model.weights();
  TensorWriter writer(matrix_dtype, vector_dtype);
  writer.AddMatrix("model.embed_tokens.weight", GatherRows(weights.embedding, vocabulary_ids));
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& layer = weights.layers[i];
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    writer.AddVector(prefix + "input_layernorm.weight", layer.attention_norm);
    writer.AddVector(prefix + "self_attn.q_norm.weight", layer.query_norm);
    writer.AddVector(prefix + "self_attn.k_norm.weight", layer.key_norm);
    writer.AddVector(prefix + "post_attention_layernorm.weight", layer.ffn_norm);
    for (const LinearKind kind : kLinearKinds) {
      writer.AddLinear(LinearName(static_cast<int>(i), kind), layer.linear(kind));
    }
  }
  writer.AddVector("model.norm.weight", weights.final_norm);
  if (weights.head.rows() > 0) {
    writer.AddMatrix("lm_head.weight", GatherRows(weights.head, vocabulary_ids));
  }
  return writer.Finish();
}

}  // namespace halfling
