// Primitives for AVX2. See vec_scalar.h for what each must do.
#ifndef HALFLING_ENGINE_KERNELS_VEC_AVX2_H_
#define HALFLING_ENGINE_KERNELS_VEC_AVX2_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace halfling::kernels {

struct VecAvx2 {
  using F = __m256;
  using I = __m256i;
  static constexpr size_t kLanes = 8;
  static constexpr size_t kAccumulators = 8;  // of 16 registers

  static F Zero() { return _mm256_setzero_ps(); }
  static F Splat(float value) { return _mm256_set1_ps(value); }
  static F Load(const float* from) { return _mm256_loadu_ps(from); }
  static void Store(float* to, F values) { _mm256_storeu_ps(to, values); }
  static F Add(F a, F b) { return _mm256_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm256_div_ps(a, b); }
  // maxps(x, y) is x > y ? x : y, hence the order.
  static F Max(F a, F b) { return _mm256_max_ps(b, a); }
  static F Min(F a, F b) { return _mm256_min_ps(b, a); }
  static float SquareRoot(float value) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value))); }
  static F PowerOfTwo(F shifted) {
    const __m256i n =
        _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(0x4b400000 - 127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
  }
  static F ZeroWhereLess(F values, F x, F bound) {
    return _mm256_andnot_ps(_mm256_cmp_ps(x, bound, _CMP_LT_OQ), values);
  }
  static float SumLanes(F values) {
    const __m128 four =
        _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static I SplatInt(int32_t value) { return _mm256_set1_epi32(value); }
  static I SplatPair(const int16_t* from) {
    int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return _mm256_set1_epi32(pair);
  }
  static I LoadPairs(const int8_t* from) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static I AddPairProducts(I sum, I a, I b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }
  static F ToFloats(I values) { return _mm256_cvtepi32_ps(values); }
  static void StoreLow(int16_t* to, F values) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), Low16(values));
  }
  static void StoreLow(int8_t* to, F values) {
    const __m128i words = Low16(values);
    const __m128i extended = _mm_srai_epi16(_mm_slli_epi16(words, 8), 8);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(extended, extended));
  }
  static __m128i Low16(F values) {
    const I extended = _mm256_srai_epi32(_mm256_slli_epi32(_mm256_castps_si256(values), 16), 16);
    return _mm_packs_epi32(_mm256_castsi256_si128(extended),
                           _mm256_extracti128_si256(extended, 1));
  }

  using FourInput = int8_t;
  using FourSums = I;
  static constexpr size_t kFourAccumulators = 8;
  static constexpr size_t kFourTokens = 4;

  static FourSums StartFours(int32_t value) { return SplatInt(value); }
  static I SplatFour(const int8_t* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm256_set1_epi32(four);
  }
  static I LoadFours(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  // Two products are at most 2 * 127 * 127, so that their 16-bit sum saturates nowhere.
  static FourSums AddFourProducts(FourSums sum, I a, I b) {
    return AddPairProducts(sum, _mm256_maddubs_epi16(b, a), _mm256_set1_epi16(1));
  }
  static I FinishFours(FourSums sum) { return sum; }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_AVX2_H_
