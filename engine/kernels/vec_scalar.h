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
  using I = int32_t;  // as many 32-bit integers as F has floats
  struct Pairs {      // and twice as many 16-bit ones
    int32_t first;
    int32_t second;
  };
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

  static I SplatInt(int32_t value) { return value; }
  // The two integers at `from`, in every lane.
  static Pairs SplatPair(const int16_t* from) { return {from[0], from[1]}; }
  // 2 * kLanes integers, widened; lane j has the j-th two.
  static Pairs LoadPairs(const int8_t* from) { return {from[0], from[1]}; }
  // sum + a.first * b.first + a.second * b.second, which callers keep within 32 bits.
  static I AddPairProducts(I sum, Pairs a, Pairs b) {
    return sum + a.first * b.first + a.second * b.second;
  }
  static F ToFloats(I values) { return static_cast<F>(values); }  // to nearest, ties to even
  // The low bits of each lane, as many as the integer has. Of FourInput and int16_t.
  static void StoreLow(int16_t* to, F values) {
    *to = static_cast<int16_t>(std::bit_cast<uint32_t>(values) & 0xffffu);
  }

  // Products of four inputs with four weights without sign, for kLanes outputs at once.
  using FourInput = int16_t;  // or int8_t
  using FourSums = int32_t;
  struct Four {
    int32_t values[4];
  };
  static constexpr size_t kFourAccumulators = 8;  // FourSums that a tile of MatMul has
  static constexpr size_t kFourTokens = 4;        // rows of x that it has at most

  static FourSums StartFours(int32_t value) { return value; }
  // The four integers at `from`, in every lane.
  static Four SplatFour(const int16_t* from) { return {{from[0], from[1], from[2], from[3]}}; }
  // 4 * kLanes integers, widened; lane j has the j-th four.
  static Four LoadFours(const uint8_t* from) { return {{from[0], from[1], from[2], from[3]}}; }
  static FourSums AddFourProducts(FourSums sum, const Four& a, const Four& b) {
    for (int i = 0; i < 4; ++i) sum += a.values[i] * b.values[i];
    return sum;
  }
  static I FinishFours(FourSums sum) { return sum; }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_SCALAR_H_
