#include "compressor/stages/stored_linear.h"

#include <cmath>
#include <cstring>
#include <span>
#include <utility>

namespace halfling {
namespace {

constexpr float kLargestF16 = 65504.0F;

template <typename Value>
NamedTensor RawTensor(std::string name, DType dtype, Shape shape,
                      const std::vector<Value>& values) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  return {std::move(name), dtype, std::move(shape), {bytes.begin(), bytes.end()}};
}

// `size` of a shape.
int64_t Signed(size_t size) { return static_cast<int64_t>(size); }

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
  if (dtype == DType::kF16) {
    for (const float value : values) {
      if (std::abs(value) > kLargestF16) {
        return Fail(ErrorCode::kTooLarge, name + ": the value " + std::to_string(value) +
                                              " is beyond F16's range, store it as F32");
      }
    }
  }
  return NamedTensor{std::move(name), dtype, std::move(shape), FromFloats(values, dtype)};
}

Status AppendMatrix(const std::string& name, const StoredMatrix& matrix, DType dtype,
                    std::vector<NamedTensor>& tensors) {
  const std::string scale = name + "_scale";
  const int64_t rows = Signed(Rows(matrix));
  if (const auto* int8 = std::get_if<Int8Matrix>(&matrix)) {
    tensors.push_back(RawTensor(name, DType::kI8, {rows, Signed(int8->cols)}, int8->values));
    tensors.push_back(RawTensor(scale, DType::kF32, {rows}, int8->scales));
  } else if (const auto* int4 = std::get_if<Int4Matrix>(&matrix)) {
    tensors.push_back(
        RawTensor(name, DType::kU8, {rows, Signed(int4->bytes_per_row())}, int4->packed));
    HALFLING_ASSIGN_OR_RETURN(
        NamedTensor scales,
        FloatTensor(scale, {rows, Signed(int4->groups_per_row())}, int4->scales, DType::kF16));
    tensors.push_back(std::move(scales));
  } else {
    const Matrix& values = std::get<Matrix>(matrix);
    HALFLING_ASSIGN_OR_RETURN(NamedTensor tensor, FloatTensor(name, {rows, Signed(values.cols())},
                                                              values.values(), dtype));
    tensors.push_back(std::move(tensor));
  }
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
      tensors.push_back(RawTensor(name + ".pivots", DType::kI32, {Signed(factors.pivots.size())},
                                  factors.pivots));
    }
  }
  if (!linear.bias.empty()) {
    HALFLING_ASSIGN_OR_RETURN(
        NamedTensor bias,
        FloatTensor(name + ".bias", {Signed(linear.bias.size())}, linear.bias, DType::kF32));
    tensors.push_back(std::move(bias));
  }
  return {};
}

}  // namespace halfling
