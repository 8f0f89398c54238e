// Random f32 values, the same in every build.
#ifndef HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_
#define HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_

#include <cstdint>
#include <random>
#include <vector>

#include "engine/tensor/stored_matrix.h"

namespace halfling::testing {

// The standard fixes what the engine draws, but not what its distributions make of it.
class RandomValues {
 public:
  explicit RandomValues(uint32_t seed) : engine_(seed) {}

  // low … high
  size_t Size(size_t low, size_t high) { return low + engine_() % (high - low + 1); }

  // (-scale, scale), with all 24 bits in play, so that rounding shows.
  float Value(float scale = 1.0f) {
    const auto integer = static_cast<int32_t>(engine_() >> 7) - (1 << 24);
    return static_cast<float>(integer) * 0x1p-24f * scale;
  }

  std::vector<float> Vector(size_t size, float scale = 1.0f) {
    std::vector<float> values(size);
    for (float& value : values) value = Value(scale);
    return values;
  }

  Matrix NewMatrix(size_t rows, size_t cols) { return Matrix(rows, cols, Vector(rows * cols)); }

  Int8Matrix NewInt7Matrix(size_t rows, size_t cols) {
    Int8Matrix matrix{rows, cols, {}, {}};
    constexpr size_t kAll = 2 * kLargestInt7;
    for (size_t i = 0; i < rows * cols; ++i) {
      matrix.values.push_back(static_cast<int8_t>(static_cast<int>(Size(0, kAll)) - kLargestInt7));
    }
    for (size_t r = 0; r < rows; ++r) matrix.scales.push_back(1e-3f + Value(5e-4f));
    return matrix;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_
