// Dtypes, shapes, and the views through which weights and activations travel.
#ifndef HALFLING_ENGINE_TENSOR_TENSOR_H_
#define HALFLING_ENGINE_TENSOR_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

enum class DType { kF32, kF16, kBF16, kI32, kI16, kI8, kU8 };

size_t DTypeSize(DType dtype);            // bytes of one element
std::string_view DTypeName(DType dtype);  // as safetensors spells it: "F32", …
std::optional<DType> ParseDType(std::string_view name);
bool IsFloat(DType dtype);  // F32, F16 or BF16
bool IsIndex(DType dtype);  // I32 or I16: numbers of tokens, items or rows
DType IndexDType(int smallest, int largest);  // the shorter that holds smallest … largest

using Shape = std::vector<int64_t>;

// "[2, 3]"
std::string ShapeToString(const Shape& shape);

// A tensor's bytes as they lie in a file: row-major, little-endian, maybe unaligned. Does not own
// them; whoever made the view keeps the bytes alive. `data.size()` is always
// DTypeSize(dtype) * product(shape): the readers check that before they make one.
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> data;
};

// Widens F32, F16 or BF16 to float, exactly. Any other dtype is kUnsupportedDType; a NaN or an
// infinity is kNonFiniteWeight. `name` is for the message.
Result<std::vector<float>> ToFloats(const TensorView& tensor, std::string_view name);

// The bytes of `values` in a dtype that IsFloat, rounded to nearest even: ToFloats' inverse. Beyond
// F16's largest number, 65504, values become infinite, which ToFloats then refuses.
std::vector<std::byte> FromFloats(std::span<const float> values, DType dtype);

// Element `index` of a tensor whose dtype IsIndex.
int IndexAt(const TensorView& tensor, size_t index);

// The bytes of `values` as I16 or I32, whichever IsIndex `dtype` is: IndexAt's inverse.
std::vector<std::byte> FromIndices(std::span<const int> values, DType dtype);

// The value that `value` has when stored as F16: infinite beyond 65504.
float RoundToF16(float value);

// A dense row-major f32 matrix [rows, cols]: the currency of the layers. Owns its values.
class Matrix {
 public:
  Matrix() = default;
  Matrix(size_t rows, size_t cols) : rows_(rows), cols_(cols), values_(rows * cols) {}
  Matrix(size_t rows, size_t cols, std::vector<float> values)
      : rows_(rows), cols_(cols), values_(std::move(values)) {}

  size_t rows() const { return rows_; }
  size_t cols() const { return cols_; }
  std::span<float> row(size_t i) { return {values_.data() + i * cols_, cols_}; }
  std::span<const float> row(size_t i) const { return {values_.data() + i * cols_, cols_}; }
  std::span<float> values() { return {values_.data(), rows_ * cols_}; }
  std::span<const float> values() const { return {values_.data(), rows_ * cols_}; }

  // Changes the shape; values are unspecified afterwards. Keeps the memory of the largest shape, so
  // that scratch matrices neither allocate nor clear in the steady state.
  void Resize(size_t rows, size_t cols) {
    rows_ = rows;
    cols_ = cols;
    if (values_.size() < rows * cols) values_.resize(rows * cols);
  }

 private:
  size_t rows_ = 0;
  size_t cols_ = 0;
  std::vector<float> values_;  // rows * cols of them, or more
};

// Where named tensors come from: a Hugging Face checkpoint, a model directory, a test. The views
// stay valid as long as the source.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  // kMissingTensor, naming the tensor, if there is none of that name.
  virtual Result<TensorView> Find(std::string_view name) const = 0;
  virtual bool Has(std::string_view name) const = 0;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_TENSOR_TENSOR_H_
