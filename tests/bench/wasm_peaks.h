// The most that a wasm engine gets out of the machine: loops of nothing but one operation.
#ifndef HALFLING_TESTS_BENCH_WASM_PEAKS_H_
#define HALFLING_TESTS_BENCH_WASM_PEAKS_H_

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace halfling::bench {

struct Peak {
  std::string name;
  double operations;  // of one run: multiplications and additions, or bytes
  std::function<void()> run;
};

inline constexpr int kRounds = 4096;
inline constexpr int kChains = 12;  // enough to hide latencies, few enough for 16 registers

// Where results go, so that nothing is optimized away, and operands come from.
inline volatile float sink;
inline volatile float one = 1.0f;

// `step` on kChains independent vectors, kRounds times.
template <typename Step>
void RunChains(const Step& step) {
  v128_t chains[kChains];
  const v128_t operand = wasm_f32x4_splat(one);
  for (v128_t& chain : chains) chain = operand;
  for (int round = 0; round < kRounds; ++round) {
    for (v128_t& chain : chains) chain = step(chain, operand);
  }
  v128_t total = chains[0];
  for (const v128_t& chain : chains) total = wasm_v128_xor(total, chain);
  sink = wasm_f32x4_extract_lane(total, 0);
}

inline Peak LoadPeak(const std::string& name, size_t bytes) {
  return {name, static_cast<double>(bytes), [buffer = std::vector<uint8_t>(bytes, 1)] {
            v128_t sums[8] = {};
            for (size_t i = 0; i < buffer.size(); i += 128) {
              for (size_t j = 0; j < 8; ++j) {
                sums[j] = wasm_v128_xor(sums[j], wasm_v128_load(buffer.data() + i + 16 * j));
              }
            }
            v128_t total = sums[0];
            for (const v128_t& sum : sums) total = wasm_v128_xor(total, sum);
            sink = wasm_f32x4_extract_lane(total, 0);
          }};
}

inline std::vector<Peak> WasmPeaks() {
  constexpr double kSteps = double{kRounds} * kChains;
  std::vector<Peak> peaks = {
      {"f32", 8 * kSteps,
       [] {
         RunChains([](v128_t chain, v128_t operand) {
           return wasm_f32x4_add(wasm_f32x4_mul(chain, operand), operand);
         });
       }},
      {"int8", 16 * kSteps,
       [] {
         RunChains([](v128_t chain, v128_t operand) {
           return wasm_i32x4_add(chain, wasm_i32x4_dot_i16x8(chain, operand));
         });
       }},
  };
#if defined(__wasm_relaxed_simd__)
  peaks.push_back({"int7", 32 * kSteps, [] {
                     RunChains([](v128_t chain, v128_t operand) {
                       return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(chain, operand, chain);
                     });
                   }});
#endif
  peaks.push_back(LoadPeak("load, 16 KiB", size_t{16} << 10));
  peaks.push_back(LoadPeak("load, 1 MiB", size_t{1} << 20));
  peaks.push_back(LoadPeak("load, 4 MiB", size_t{4} << 20));
  return peaks;
}

}  // namespace halfling::bench

#endif  // HALFLING_TESTS_BENCH_WASM_PEAKS_H_
