#include "engine/model_file/stored_tensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace halfling {
namespace {

// So that an integer times its scale is finite.
constexpr float kLargestScale = std::numeric_limits<float>::max() / 128;

std::string ScaleName(const std::string& name) { return name + "_scale"; }

std::string At(const std::string& name, size_t index) { return Concat(name, "[", index, "]"); }

Result<std::vector<float>> ReadScales(const TensorSource& source, const std::string& name,
                                      DType dtype, const Shape& shape) {
  HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, source.Find(name));
  if (tensor.dtype != dtype) {
    return Fail(ErrorCode::kUnsupportedDType, name, " is ", DTypeName(tensor.dtype), ", expected ",
                DTypeName(dtype));
  }
  HALFLING_RETURN_IF_ERROR(FindShaped(source, name, shape));
  HALFLING_ASSIGN_OR_RETURN(std::vector<float> scales, ToFloats(tensor, name));
  for (size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] < 0 || scales[i] > kLargestScale) {
      return Fail(ErrorCode::kInvalidWeight, At(name, i), " is ", scales[i], ", expected 0 to ",
                  kLargestScale);
    }
  }
  return scales;
}

// A scale of 0 would silently drop the integers that it belongs to.
Status RequireScale(const std::string& name, size_t index, float scale, bool all_zero) {
  if (scale > 0 || all_zero) return {};
  return Fail(ErrorCode::kInvalidWeight, At(ScaleName(name), index),
              " is 0, expected more: not all of its integers are 0");
}

Result<StoredMatrix> ReadInt8(const TensorSource& source, const std::string& name,
                              const TensorView& tensor) {
  const Shape scale_shape = {tensor.shape[0]};
  Int8Matrix matrix{static_cast<size_t>(tensor.shape[0]),
                    static_cast<size_t>(tensor.shape[1]),
                    std::vector<int8_t>(tensor.data.size()),
                    {}};
  if (!tensor.data.empty()) {
    std::memcpy(matrix.values.data(), tensor.data.data(), tensor.data.size());
  }
  HALFLING_ASSIGN_OR_RETURN(matrix.scales,
                            ReadScales(source, ScaleName(name), DType::kF32, scale_shape));
  const auto refused = std::ranges::find(matrix.values, int8_t{-128});
  if (refused != matrix.values.end()) {
    return Fail(ErrorCode::kInvalidWeight,
                At(name, static_cast<size_t>(refused - matrix.values.begin())),
                " is -128, expected -127 to 127");
  }
  for (size_t r = 0; r < matrix.rows; ++r) {
    const std::span<const int8_t> row =
        std::span(matrix.values).subspan(r * matrix.cols, matrix.cols);
    const bool all_zero = std::ranges::all_of(row, [](int8_t value) { return value == 0; });
    HALFLING_RETURN_IF_ERROR(RequireScale(name, r, matrix.scales[r], all_zero));
  }
  return matrix;
}

// The stored half-bytes of group `group` of row `row`, in a message's terms where they are invalid.
Status CheckInt4Group(const std::string& name, const Int4Matrix& matrix, size_t row, size_t group) {
  constexpr size_t kGroupBytes = kInt4GroupSize / 2;
  const size_t begin = group * kGroupBytes;
  const size_t end = std::min(begin + kGroupBytes, matrix.bytes_per_row());
  bool all_zero = true;
  for (size_t j = begin; j < end; ++j) {
    const size_t index = row * matrix.bytes_per_row() + j;
    const int low = matrix.packed[index] & 0xf;
    const int high = matrix.packed[index] >> 4;
    const bool unused = 2 * j + 1 >= matrix.cols;  // the high half, of an odd last column
    if (low == 0 || high == 0 || (unused && high != 8)) {
      return Fail(ErrorCode::kInvalidWeight, At(name, index), " holds ", low, " and ", high,
                  ", expected 1 to 15", (unused ? " and 8" : " twice"));
    }
    all_zero = all_zero && low == 8 && high == 8;
  }
  const size_t index = row * matrix.groups_per_row() + group;
  return RequireScale(name, index, matrix.scales[index], all_zero);
}

Result<StoredMatrix> ReadInt4(const TensorSource& source, const std::string& name,
                              const TensorView& tensor, int64_t cols) {
  Int4Matrix matrix{static_cast<size_t>(tensor.shape[0]),
                    static_cast<size_t>(cols),
                    std::vector<uint8_t>(tensor.data.size()),
                    {}};
  if (!tensor.data.empty()) {
    std::memcpy(matrix.packed.data(), tensor.data.data(), tensor.data.size());
  }
  const Shape scale_shape = {tensor.shape[0], static_cast<int64_t>(matrix.groups_per_row())};
  HALFLING_ASSIGN_OR_RETURN(matrix.scales,
                            ReadScales(source, ScaleName(name), DType::kF16, scale_shape));
  for (size_t r = 0; r < matrix.rows; ++r) {
    for (size_t g = 0; g < matrix.groups_per_row(); ++g) {
      HALFLING_RETURN_IF_ERROR(CheckInt4Group(name, matrix, r, g));
    }
  }
  return matrix;
}

template <typename T>
std::vector<std::byte> BytesOf(const std::vector<T>& values) {
  static_assert(sizeof(T) == 1);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Result<TensorView> FindShaped(const TensorSource& source, const std::string& name,
                              const Shape& shape) {
  HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, source.Find(name));
  if (tensor.shape != shape) {
    return Fail(ErrorCode::kShapeMismatch, name, " has shape ", ShapeToString(tensor.shape),
                ", expected ", ShapeToString(shape));
  }
  return tensor;
}

Result<StoredMatrix> ReadStoredMatrix(const TensorSource& source, const std::string& name,
                                      int64_t rows, int64_t cols) {
  HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, source.Find(name));
  if (IsIndex(tensor.dtype)) {
    return Fail(ErrorCode::kUnsupportedDType, name, " is ", DTypeName(tensor.dtype),
                ", expected F32, F16, BF16, I8 or U8");
  }
  const int64_t stored_cols = tensor.dtype == DType::kU8 ? (cols + 1) / 2 : cols;
  HALFLING_RETURN_IF_ERROR(FindShaped(source, name, {rows, stored_cols}));
  if (tensor.dtype == DType::kI8) return ReadInt8(source, name, tensor);
  if (tensor.dtype == DType::kU8) return ReadInt4(source, name, tensor, cols);
  HALFLING_ASSIGN_OR_RETURN(std::vector<float> values, ToFloats(tensor, name));
  return Matrix(static_cast<size_t>(rows), static_cast<size_t>(cols), std::move(values));
}

void AppendStoredMatrix(const std::string& name, const StoredMatrix& matrix, DType dtype,
                        std::vector<NamedTensor>& tensors) {
  const auto rows = static_cast<int64_t>(Rows(matrix));
  if (const auto* int8 = std::get_if<Int8Matrix>(&matrix)) {
    tensors.push_back(
        {name, DType::kI8, {rows, static_cast<int64_t>(int8->cols)}, BytesOf(int8->values)});
    tensors.push_back(
        {ScaleName(name), DType::kF32, {rows}, FromFloats(int8->scales, DType::kF32)});
  } else if (const auto* int4 = std::get_if<Int4Matrix>(&matrix)) {
    tensors.push_back({name,
                       DType::kU8,
                       {rows, static_cast<int64_t>(int4->bytes_per_row())},
                       BytesOf(int4->packed)});
    tensors.push_back({ScaleName(name),
                       DType::kF16,
                       {rows, static_cast<int64_t>(int4->groups_per_row())},
                       FromFloats(int4->scales, DType::kF16)});
  } else {
    const Matrix& floats = std::get<Matrix>(matrix);
    tensors.push_back({name,
                       dtype,
                       {rows, static_cast<int64_t>(floats.cols())},
                       FromFloats(floats.values(), dtype)});
  }
}

NamedTensor IndexTensor(std::string name, Shape shape, std::span<const int> values) {
  const auto [smallest, largest] =
      values.empty() ? std::ranges::min_max_result{0, 0} : std::ranges::minmax(values);
  const DType dtype = IndexDType(smallest, largest);
  return {std::move(name), dtype, std::move(shape), FromIndices(values, dtype)};
}

}  // namespace halfling
