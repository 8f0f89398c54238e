// Weight matrices as they are stored: in f32, or in integers with scales.
#ifndef HALFLING_ENGINE_TENSOR_STORED_MATRIX_H_
#define HALFLING_ENGINE_TENSOR_STORED_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "engine/tensor/tensor.h"

namespace halfling {

// value(r, c) = values[r, c] * scales[r]. Integers are within -127 … 127, so that negation is exact
// and sums have a symmetric bound; scales are finite and not negative.
struct Int8Matrix {
  size_t rows = 0;
  size_t cols = 0;
  std::vector<int8_t> values;  // [rows, cols]
  std::vector<float> scales;   // [rows]
};

// Int8 matrices whose integers are all within -kLargestInt7 … kLargestInt7 run faster where
// processors multiply bytes (PackedInt7Matrix).
inline constexpr int kLargestInt8 = 127;
inline constexpr int kLargestInt7 = 63;

// value(r, c) = q(r, c) * scales[r, c / kInt4GroupSize], q within -7 … 7. Byte j of a row holds
// q(r, 2j) + 8 in its low half and q(r, 2j + 1) + 8 in its high one; an unused last half is 8.
inline constexpr size_t kInt4GroupSize = 32;
struct Int4Matrix {
  size_t rows = 0;
  size_t cols = 0;
  std::vector<uint8_t> packed;  // [rows, bytes_per_row()]
  std::vector<float> scales;    // [rows, groups_per_row()], each representable in F16

  size_t bytes_per_row() const { return (cols + 1) / 2; }
  size_t groups_per_row() const { return (cols + kInt4GroupSize - 1) / kInt4GroupSize; }
};

using StoredMatrix = std::variant<Matrix, Int8Matrix, Int4Matrix>;

size_t Rows(const StoredMatrix& matrix);
size_t Cols(const StoredMatrix& matrix);

// The values, widened; each is its integer times its scale, rounded once to f32 (and exact for
// int4, whose factors have 4 and 11 bits).
Matrix ToMatrix(const StoredMatrix& matrix);

// Round to nearest, with the least scale that covers the row: max|row| / 127. The values must be
// finite. The error of a value is at most half its row's scale (a little more where the scale is
// so small that f32 has not all its bits for it).
Int8Matrix QuantizeInt8(const Matrix& matrix);

// Likewise per group of a row, with the scale max|group| / 7 rounded to F16. Where that is beyond
// F16 the scale is infinite, which the reader then refuses (compare FromFloats).
Int4Matrix QuantizeInt4(const Matrix& matrix);

}  // namespace halfling

#endif  // HALFLING_ENGINE_TENSOR_STORED_MATRIX_H_
