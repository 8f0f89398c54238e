#include "compressor/stages/stored_linear.h"

#include <cmath>
#include <span>
#include <utility>

#include "engine/model_file/stored_tensors.h"

namespace halfling {
namespace {

constexpr float kLargestF16 = 65504.0F;

// kTooLarge, naming the tensor, for a value that `dtype` cannot hold.
Status CheckRange(const std::string& name, std::span<const float> values, DType dtype) {
  if (dtype != DType::kF16) return {};
  for (const float value : values) {
    if (std::abs(value) > kLargestF16) {
      return Fail(ErrorCode::kTooLarge, name + ": the value " + std::to_string(value) +
                                            " is beyond F16's range, store it as F32");
    }
  }
  return {};
}

}  // namespace

Linear MakeLinear(const StoredLinear& stored) {
  if (const auto* weight = std::get_if<StoredMatrix>(&stored.weight)) {
    return Linear::Dense(*weight, stored.bias);
  }
  const StoredFactors& factors = std::get<StoredFactors>(stored.weight);
  if (factors.pivots.empty()) return Linear::LowRank(factors.left, factors.right, stored.bias);
  return Linear::Pivoted(factors.left, factors.right, factors.pivots, stored.bias);
}

Result<NamedTensor> FloatTensor(std::string name, Shape shape, std::span<const float> values,
                                DType dtype) {
  HALFLING_RETURN_IF_ERROR(CheckRange(name, values, dtype));
  return NamedTensor{std::move(name), dtype, std::move(shape), FromFloats(values, dtype)};
}

Status AppendMatrix(const std::string& name, const StoredMatrix& matrix, DType dtype,
                    std::vector<NamedTensor>& tensors) {
  if (const auto* floats = std::get_if<Matrix>(&matrix)) {
    HALFLING_RETURN_IF_ERROR(CheckRange(name, floats->values(), dtype));
  } else if (const auto* int4 = std::get_if<Int4Matrix>(&matrix)) {
    HALFLING_RETURN_IF_ERROR(CheckRange(name + " (scale)", int4->scales, DType::kF16));
  }
  AppendStoredMatrix(name, matrix, dtype, tensors);
  return {};
}

Status AppendBias(const std::string& name, std::span<const float> bias,
                  std::vector<NamedTensor>& tensors) {
  if (bias.empty()) return {};
  HALFLING_ASSIGN_OR_RETURN(
      NamedTensor tensor,
      FloatTensor(name + ".bias", {static_cast<int64_t>(bias.size())}, bias, DType::kF32));
  tensors.push_back(std::move(tensor));
  return {};
}

Status AppendLinear(const std::string& name, const StoredLinear& linear,
                    std::vector<NamedTensor>& tensors) {
  if (const auto* weight = std::get_if<StoredMatrix>(&linear.weight)) {
    HALFLING_RETURN_IF_ERROR(AppendMatrix(name + ".weight", *weight, linear.dtype, tensors));
  } else {
    const StoredFactors& factors = std::get<StoredFactors>(linear.weight);
    HALFLING_RETURN_IF_ERROR(AppendMatrix(name + ".left", factors.left, linear.dtype, tensors));
    HALFLING_RETURN_IF_ERROR(AppendMatrix(name + ".right", factors.right, linear.dtype, tensors));
    if (!factors.pivots.empty()) {
      const auto count = static_cast<int64_t>(factors.pivots.size());
      tensors.push_back(IndexTensor(name + ".pivots", {count}, factors.pivots));
    }
  }
  return AppendBias(name, linear.bias, tensors);
}

}  // namespace halfling
