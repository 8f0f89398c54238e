// Primitives for WebAssembly's fixed-width SIMD. See vec_scalar.h for what each must do.
#ifndef HALFLING_ENGINE_KERNELS_VEC_WASM128_H_
#define HALFLING_ENGINE_KERNELS_VEC_WASM128_H_

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

namespace halfling::kernels {

struct VecWasm128 {
  using F = v128_t;
  using I = v128_t;
  static constexpr size_t kLanes = 4;
  static constexpr size_t kAccumulators = 8;  // of 16 registers on x86-64

  static F Zero() { return wasm_f32x4_const_splat(0.0f); }
  static F Splat(float value) { return wasm_f32x4_splat(value); }
  static F Load(const float* from) { return wasm_v128_load(from); }
  static void Store(float* to, F values) { wasm_v128_store(to, values); }
  static F Add(F a, F b) { return wasm_f32x4_add(a, b); }
  static F Sub(F a, F b) { return wasm_f32x4_sub(a, b); }
  static F Mul(F a, F b) { return wasm_f32x4_mul(a, b); }
  static F Div(F a, F b) { return wasm_f32x4_div(a, b); }
  static F Max(F a, F b) { return wasm_f32x4_pmax(a, b); }  // a < b ? b : a
  static F Min(F a, F b) { return wasm_f32x4_pmin(a, b); }  // b < a ? b : a
  static float SquareRoot(float value) { return __builtin_sqrtf(value); }  // f32.sqrt
  static F PowerOfTwo(F shifted) {
    return wasm_i32x4_shl(wasm_i32x4_sub(shifted, wasm_i32x4_const_splat(0x4b400000 - 127)), 23);
  }
  static F ZeroWhereLess(F values, F x, F bound) {
    return wasm_v128_andnot(values, wasm_f32x4_lt(x, bound));
  }
  static float SumLanes(F values) {
    const F two = wasm_f32x4_add(values, wasm_i32x4_shuffle(values, values, 2, 3, 0, 1));
    return wasm_f32x4_extract_lane(two, 0) + wasm_f32x4_extract_lane(two, 1);
  }

  static I SplatInt(int32_t value) { return wasm_i32x4_splat(value); }
  static I SplatPair(const int16_t* from) { return wasm_v128_load32_splat(from); }
  static I LoadPairs(const int8_t* from) { return wasm_i16x8_load8x8(from); }
  static I AddPairProducts(I sum, I a, I b) {
    return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(a, b));
  }
  static F ToFloats(I values) { return wasm_f32x4_convert_i32x4(values); }
  static void StoreLow(int16_t* to, F values) {
    const I low = wasm_i16x8_shuffle(values, values, 0, 2, 4, 6, 0, 2, 4, 6);
    wasm_v128_store64_lane(to, low, 0);
  }

#if defined(__wasm_relaxed_simd__)
  // Where one operand is within 7 bits and without sign, the relaxed dot product is exact and the
  // same everywhere; the page makes sure of it (relaxed_dot_self_test.h).
  using FourInput = int8_t;
  using FourSums = I;
  static constexpr size_t kFourAccumulators = 12;
  static constexpr size_t kFourTokens = 6;

  static void StoreLow(int8_t* to, F values) {
    const I low = wasm_i8x16_shuffle(values, values, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4,
                                     8, 12);
    wasm_v128_store32_lane(to, low, 0);
  }
  static FourSums StartFours(int32_t value) { return SplatInt(value); }
  static I SplatFour(const int8_t* from) { return wasm_v128_load32_splat(from); }
  static I LoadFours(const uint8_t* from) { return wasm_v128_load(from); }
  static FourSums AddFourProducts(FourSums sum, I a, I b) {
    return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(a, b, sum);
  }
  static I FinishFours(FourSums sum) { return sum; }
#else
  using FourInput = int16_t;
  struct Fours {  // of outputs 0 and 1, of outputs 2 and 3
    I first;
    I second;
  };
  using FourSums = Fours;                         // two sums an output
  static constexpr size_t kFourAccumulators = 4;  // of two registers each
  static constexpr size_t kFourTokens = 4;

  static FourSums StartFours(int32_t value) {
    const I start = wasm_i32x4_make(value, 0, value, 0);
    return {start, start};
  }
  static I SplatFour(const int16_t* from) { return wasm_v128_load64_splat(from); }
  static Fours LoadFours(const uint8_t* from) {
    return {wasm_u16x8_load8x8(from), wasm_u16x8_load8x8(from + 8)};
  }
  static FourSums AddFourProducts(FourSums sum, I a, const Fours& b) {
    return {AddPairProducts(sum.first, a, b.first), AddPairProducts(sum.second, a, b.second)};
  }
  static I FinishFours(FourSums sum) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(sum.first, sum.second, 0, 2, 4, 6),
                          wasm_i32x4_shuffle(sum.first, sum.second, 1, 3, 5, 7));
  }
#endif
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_WASM128_H_
