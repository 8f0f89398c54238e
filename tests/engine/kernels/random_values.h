// Random f32 values, the same in every build.
#ifndef HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_
#define HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_

#include <cstdint>
#include <random>
#include <vector>

#include "engine/tensor/tensor.h"

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

 private:
  std::mt19937 engine_;
};

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_KERNELS_RANDOM_VALUES_H_
