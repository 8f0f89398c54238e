// Primitives of the definition: one lane. Each operation is what the SIMD files must reproduce.
#ifndef HALFLING_ENGINE_KERNELS_VEC_SCALAR_H_
#define HALFLING_ENGINE_KERNELS_VEC_SCALAR_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace halfling::kernels {

struct VecScalar {
  using F = float;
  static constexpr size_t kLanes = 1;
  static constexpr size_t kAccumulators = 8;  // registers that a tile of MatMul sums in

  static F Zero() { return 0.0f; }
  static F Splat(float value) { return value; }
  static F Load(const float* from) { return *from; }
  static void Store(float* to, F values) { *to = values; }
  static F Add(F a, F b) { return a + b; }
  static F Sub(F a, F b) { return a - b; }
  static F Mul(F a, F b) { return a * b; }
  static F Div(F a, F b) { return a / b; }
  // The first operand unless the second is strictly beyond it; so a NaN in `a` stays.
  static F Max(F a, F b) { return a < b ? b : a; }
  static F Min(F a, F b) { return b < a ? b : a; }
  static float SquareRoot(float value) { return std::sqrt(value); }  // exact to half an ulp: IEEE
  // 2^n for n + 1.5 * 2^23, whose low mantissa bits are n. -126 <= n <= 127.
  static F PowerOfTwo(F shifted) {
    const uint32_t n = std::bit_cast<uint32_t>(shifted) - 0x4b400000u;
    return std::bit_cast<float>((n + 127u) << 23);
  }
  // 0 where x < bound, else `values`.
  static F ZeroWhereLess(F values, F x, F bound) { return x < bound ? 0.0f : values; }
  // The sum of all lanes, lane j + lane j + half first.
  static float SumLanes(F values) { return values; }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_SCALAR_H_
