#include "engine/tensor/stored_matrix.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace halfling {
namespace {

constexpr float kLargestInt4 = 7.0f;
constexpr int kInt4Zero = 8;  // what a stored half-byte has for 0

float LargestMagnitude(std::span<const float> values) {
  float largest = 0.0f;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// value / scale to the nearest integer, ties to even, within ±largest; 0 where there is no scale.
int Quantize(float value, float scale, float largest) {
  if (!(scale > 0.0f)) return 0;
  return static_cast<int>(std::nearbyint(std::clamp(value / scale, -largest, largest)));
}

int Int4At(const Int4Matrix& matrix, size_t row, size_t col) {
  const uint8_t byte = matrix.packed[row * matrix.bytes_per_row() + col / 2];
  return (col % 2 == 0 ? byte & 0xf : byte >> 4) - kInt4Zero;
}

Matrix Widen(const Matrix& matrix) { return matrix; }

Matrix Widen(const Int8Matrix& matrix) {
  Matrix widened(matrix.rows, matrix.cols);
  for (size_t r = 0; r < matrix.rows; ++r) {
    const std::span<float> row = widened.row(r);
    for (size_t c = 0; c < matrix.cols; ++c) {
      row[c] = static_cast<float>(matrix.values[r * matrix.cols + c]) * matrix.scales[r];
    }
  }
  return widened;
}

Matrix Widen(const Int4Matrix& matrix) {
  Matrix widened(matrix.rows, matrix.cols);
  for (size_t r = 0; r < matrix.rows; ++r) {
    const std::span<float> row = widened.row(r);
    for (size_t c = 0; c < matrix.cols; ++c) {
      const float scale = matrix.scales[r * matrix.groups_per_row() + c / kInt4GroupSize];
      row[c] = static_cast<float>(Int4At(matrix, r, c)) * scale;
    }
  }
  return widened;
}

size_t RowsOf(const Matrix& matrix) { return matrix.rows(); }
size_t ColsOf(const Matrix& matrix) { return matrix.cols(); }
template <typename Integers>
size_t RowsOf(const Integers& matrix) {
  return matrix.rows;
}
template <typename Integers>
size_t ColsOf(const Integers& matrix) {
  return matrix.cols;
}

}  // namespace

size_t Rows(const StoredMatrix& matrix) {
  return std::visit([](const auto& form) { return RowsOf(form); }, matrix);
}

size_t Cols(const StoredMatrix& matrix) {
  return std::visit([](const auto& form) { return ColsOf(form); }, matrix);
}

Matrix ToMatrix(const StoredMatrix& matrix) {
  return std::visit([](const auto& form) { return Widen(form); }, matrix);
}

Int8Matrix QuantizeInt8(const Matrix& matrix) {
  Int8Matrix quantized{matrix.rows(), matrix.cols(), {}, {}};
  quantized.values.reserve(matrix.values().size());
  for (size_t r = 0; r < matrix.rows(); ++r) {
    const float scale = LargestMagnitude(matrix.row(r)) / float{kLargestInt8};
    quantized.scales.push_back(scale);
    for (const float value : matrix.row(r)) {
      quantized.values.push_back(static_cast<int8_t>(Quantize(value, scale, float{kLargestInt8})));
    }
  }
  return quantized;
}

Int4Matrix QuantizeInt4(const Matrix& matrix) {
  Int4Matrix quantized{matrix.rows(), matrix.cols(), {}, {}};
  quantized.packed.assign(matrix.rows() * quantized.bytes_per_row(), kInt4Zero | kInt4Zero << 4);
  for (size_t r = 0; r < matrix.rows(); ++r) {
    const std::span<const float> row = matrix.row(r);
    for (size_t begin = 0; begin < row.size(); begin += kInt4GroupSize) {
      const size_t size = std::min(kInt4GroupSize, row.size() - begin);
      const float scale = RoundToF16(LargestMagnitude(row.subspan(begin, size)) / kLargestInt4);
      quantized.scales.push_back(scale);
      for (size_t c = begin; c < begin + size; ++c) {
        const int shift = c % 2 == 0 ? 0 : 4;
        uint8_t& byte = quantized.packed[r * quantized.bytes_per_row() + c / 2];
        const int q = Quantize(row[c], scale, kLargestInt4) + kInt4Zero;
        byte = static_cast<uint8_t>((byte & (0xf0 >> shift)) | q << shift);
      }
    }
  }
  return quantized;
}

}  // namespace halfling
