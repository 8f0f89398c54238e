// Primitives for AVX-512 (F, BW and VNNI). See vec_scalar.h for what each must do.
#ifndef HALFLING_ENGINE_KERNELS_VEC_AVX512_H_
#define HALFLING_ENGINE_KERNELS_VEC_AVX512_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace halfling::kernels {

struct VecAvx512 {
  using F = __m512;
  using I = __m512i;
  static constexpr size_t kLanes = 16;
  static constexpr size_t kAccumulators = 8;  // of 32 registers

  static F Zero() { return _mm512_setzero_ps(); }
  static F Splat(float value) { return _mm512_set1_ps(value); }
  static F Load(const float* from) { return _mm512_loadu_ps(from); }
  static void Store(float* to, F values) { _mm512_storeu_ps(to, values); }
  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  // maxps(x, y) is x > y ? x : y, hence the order.
  static F Max(F a, F b) { return _mm512_max_ps(b, a); }
  static F Min(F a, F b) { return _mm512_min_ps(b, a); }
  static float SquareRoot(float value) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value))); }
  static F PowerOfTwo(F shifted) {
    const __m512i n =
        _mm512_sub_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(0x4b400000 - 127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(n, 23));
  }
  static F ZeroWhereLess(F values, F x, F bound) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, bound, _CMP_NLT_UQ), values);
  }
  static float SumLanes(F values) {
    // _mm512_extractf32x8_ps would need AVX-512DQ.
    const __m512 swapped = _mm512_shuffle_f32x4(values, values, 0x4e);  // halves exchanged
    const __m256 eight = _mm512_castps512_ps256(_mm512_add_ps(values, swapped));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static I SplatInt(int32_t value) { return _mm512_set1_epi32(value); }
  static I SplatPair(const int16_t* from) {
    int32_t pair;
    __builtin_memcpy(&pair, from, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static I LoadPairs(const int8_t* from) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static I AddPairProducts(I sum, I a, I b) { return _mm512_dpwssd_epi32(sum, a, b); }
  static F ToFloats(I values) { return _mm512_cvtepi32_ps(values); }
  static void StoreLow(int16_t* to, F values) {
    const __m256i low = _mm512_cvtepi32_epi16(_mm512_castps_si512(values));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), low);
  }
  static void StoreLow(int8_t* to, F values) {
    const __m128i low = _mm512_cvtepi32_epi8(_mm512_castps_si512(values));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
  }

  using FourInput = int8_t;
  using FourSums = I;
  static constexpr size_t kFourAccumulators = 8;
  static constexpr size_t kFourTokens = 4;

  static FourSums StartFours(int32_t value) { return SplatInt(value); }
  static I SplatFour(const int8_t* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static I LoadFours(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static FourSums AddFourProducts(FourSums sum, I a, I b) {
    return _mm512_dpbusd_epi32(sum, b, a);
  }
  static I FinishFours(FourSums sum) { return sum; }
};

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_VEC_AVX512_H_
