#include "engine/tensor/stored_matrix.h"

#include <algorithm>
#include <cmath>

#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

// Random rows of very different sizes, one of them 0.
Matrix RandomMatrix(RandomValues& random) {
  Matrix matrix = random.NewMatrix(random.Size(1, 9), random.Size(1, 100));
  for (size_t r = 0; r < matrix.rows(); ++r) {
    const float factor = r == 2 ? 0.0f : std::ldexp(1.0f, static_cast<int>(random.Size(0, 12)) - 6);
    for (float& value : matrix.row(r)) value *= factor;
  }
  return matrix;
}

float LargestMagnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

TEST_CASE("QuantizeInt8 rounds each value to the nearest step of its row") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Matrix matrix = RandomMatrix(random);
  const Int8Matrix quantized = QuantizeInt8(matrix);
  REQUIRE(Rows(quantized) == matrix.rows());
  REQUIRE(Cols(quantized) == matrix.cols());
  REQUIRE(quantized.scales.size() == matrix.rows());
  const Matrix widened = ToMatrix(quantized);
  for (size_t r = 0; r < matrix.rows(); ++r) {
    const float scale = quantized.scales[r];
    REQUIRE(scale == LargestMagnitude(matrix.row(r)) / 127.0f);
    for (size_t c = 0; c < matrix.cols(); ++c) {
      const int8_t integer = quantized.values[r * matrix.cols() + c];
      REQUIRE(integer >= -127);
      REQUIRE(widened.row(r)[c] == static_cast<float>(integer) * scale);
      REQUIRE(std::abs(widened.row(r)[c] - matrix.row(r)[c]) <= 0.50001f * scale);
    }
  }
}

TEST_CASE("QuantizeInt4 rounds each value to the nearest step of its group") {
  RandomValues random(GENERATE(range(100u, 120u)));
  const Matrix matrix = RandomMatrix(random);
  const Int4Matrix quantized = QuantizeInt4(matrix);
  REQUIRE(Rows(quantized) == matrix.rows());
  REQUIRE(Cols(quantized) == matrix.cols());
  REQUIRE(quantized.packed.size() == matrix.rows() * quantized.bytes_per_row());
  REQUIRE(quantized.scales.size() == matrix.rows() * quantized.groups_per_row());
  const Matrix widened = ToMatrix(quantized);
  for (size_t r = 0; r < matrix.rows(); ++r) {
    for (size_t c = 0; c < matrix.cols(); ++c) {
      const size_t begin = c / 32 * 32;
      const auto group = matrix.row(r).subspan(begin, std::min<size_t>(32, matrix.cols() - begin));
      const float scale = quantized.scales[r * quantized.groups_per_row() + c / 32];
      REQUIRE(scale == RoundToF16(LargestMagnitude(group) / 7.0f));
      const uint8_t byte = quantized.packed[r * quantized.bytes_per_row() + c / 2];
      const int integer = (c % 2 == 0 ? byte & 15 : byte >> 4) - 8;
      REQUIRE(std::abs(integer) <= 7);
      REQUIRE(widened.row(r)[c] == static_cast<float>(integer) * scale);
      // The scale's own rounding to 11 bits may leave the largest value a little beyond 7 steps.
      REQUIRE(std::abs(widened.row(r)[c] - matrix.row(r)[c]) <= 0.505f * scale);
    }
    if (matrix.cols() % 2 == 0) continue;
    REQUIRE(quantized.packed[(r + 1) * quantized.bytes_per_row() - 1] >> 4 == 8);
  }
}

TEST_CASE("Quantizing at the ends of f32's range") {
  const Matrix matrix(3, 2, {3e38f, -3e38f, 1e-44f, -3e-45f, 0.0f, -0.0f});
  const Matrix int8 = ToMatrix(QuantizeInt8(matrix));
  CHECK(int8.values()[0] == Approx(3e38f).epsilon(1e-6));
  CHECK(int8.values()[1] == -int8.values()[0]);
  CHECK(std::ranges::all_of(int8.row(1), [](float value) { return std::abs(value) <= 2e-44f; }));
  CHECK(std::ranges::all_of(int8.row(2), [](float value) { return value == 0.0f; }));

  const Int4Matrix int4 = QuantizeInt4(matrix);
  CHECK(std::isinf(int4.scales[0]));  // the reader refuses it
  CHECK(int4.scales[1] == 0.0f);
  CHECK(int4.packed[1] == 0x88);
  CHECK(int4.packed[2] == 0x88);
}

TEST_CASE("A matrix of floats is its own stored form") {
  const StoredMatrix stored = Matrix(1, 2, {0.1f, -2.0f});
  CHECK(Rows(stored) == 1);
  CHECK(Cols(stored) == 2);
  CHECK(ToMatrix(stored).values()[0] == 0.1f);
}

}  // namespace
}  // namespace halfling::testing
