// Primitives for SSE2, which every x86-64 processor has. See vec_scalar.h for what each must do.
#ifndef HALFLING_ENGINE_KERNELS_VEC_SSE2_H_
#define HALFLING_ENGINE_KERNELS_VEC_SSE2_H_

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>

namespace halfling::kernels {

struct VecSse2 {
  using F = __m128;
  using I = __m128i;
  static constexpr size_t kLanes = 4;
  static constexpr size_t kAccumulators = 8;  // of 16 registers

  static F Zero() { return _mm_setzero_ps(); }
  static F Splat(float value) { return _mm_set1_ps(value); }
  static F Load(const float* from) { return _mm_loadu_ps(from); }
  static void Store(float* to, F values) { _mm_storeu_ps(to, values); }
  static F Add(F a, F b) { return _mm_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm_div_ps(a, b); }
  // maxps(x, y) is x > y ? x : y, hence the order.
  static F Max(F a, F b) { return _mm_max_ps(b, a); }
  static F Min(F a, F b) { return _mm_min_ps(b, a); }
  static float SquareRoot(float value) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value))); }
  static F PowerOfTwo(F shifted) {
    const __m128i n = _mm_sub_epi32(_mm_castps_si128(shifted), _mm_set1_epi32(0x4b400000 - 127));
    return _mm_castsi128_ps(_mm_slli_epi32(n, 23));
  }
  static F ZeroWhereLess(F values, F x, F bound) {
    return _mm_andnot_ps(_mm_cmplt_ps(x, bound), values);
  }
  static float SumLanes(F values) {
    const F two = _mm_add_ps(values, _mm_movehl_ps(values, values));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static I SplatInt(int32_t value) { return _mm_set1_epi32(value); }
  static I SplatPair(const int16_t* from) {
    int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return _mm_set1_epi32(pair);
  }
  static I LoadPairs(const int8_t* from) {
    const I bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  }
  static I AddPairProducts(I sum, I a, I b) { return _mm_add_epi32(sum, _mm_madd_epi16(a, b)); }
  static F ToFloats(I values) { return _mm_cvtepi32_ps(values); }
  static void StoreLow(int16_t* to, F values) {
    const I extended = _mm_srai_epi32(_mm_slli_epi32(_mm_castps_si128(values), 16), 16);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(extended, extended));
  }

  using FourInput = int16_t;
  struct Fours {  // of outputs 0 and 1, of outputs 2 and 3
    I first;
    I second;
  };
  using FourSums = Fours;                         // two sums an output
  static constexpr size_t kFourAccumulators = 4;  // of two registers each
  static constexpr size_t kFourTokens = 4;

  static FourSums StartFours(int32_t value) {
    const I start = _mm_set_epi32(0, value, 0, value);
    return {start, start};
  }
  static I SplatFour(const int16_t* from) {
    const I four = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return _mm_unpacklo_epi64(four, four);
  }
  static Fours LoadFours(const uint8_t* from) {
    const I bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const I zero = _mm_setzero_si128();
    return {_mm_unpacklo_epi8(bytes, zero), _mm_unpackhi_epi8(bytes, zero)};
  }
  static FourSums AddFourProducts(FourSums sum, I a, const Fours& b) {
    return {AddPairProducts(sum.first, a, b.first), AddPairProducts(sum.second, a, b.second)};
  }
  static I FinishFours(FourSums sum) {
    const F first = _mm_castsi128_ps(sum.first);
    const F second = _mm_castsi128_ps(sum.second);
    const F even = _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0));
    const F odd = _mm_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1));
    return _mm_add_epi32(_mm_castps_si128(even), _mm_castps_si128(odd));
  }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_SSE2_H_
