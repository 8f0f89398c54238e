#include "engine/kernels/relaxed_dot_self_test.h"

#if defined(__wasm_relaxed_simd__)
#include <wasm_simd128.h>

#include <cstdint>
#endif

namespace halfling::kernels {

#if defined(__wasm_relaxed_simd__)
namespace {

// Volatile, so that no optimizer folds the instruction: the question is what the engine that runs
// it does, and binaryen 120 aborts on a relaxed instruction with constant operands.
volatile int8_t seed = 37;

// Sixteen values from `lowest` to 127, a different series for each `start`.
void FillPseudoRandom(int start, int lowest, int8_t (&values)[16]) {
  uint32_t state = static_cast<uint32_t>(start) * 2654435761u + static_cast<uint32_t>(seed);
  const uint32_t count = static_cast<uint32_t>(128 - lowest);
  for (int8_t& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<int8_t>(static_cast<int>((state >> 16) % count) + lowest);
  }
}

bool AgreesOn(const int8_t (&a)[16], const int8_t (&b)[16]) {
  const v128_t va = wasm_v128_load(a);
  const v128_t vb = wasm_v128_load(b);
  int16_t pairs[8];
  wasm_v128_store(pairs, wasm_i16x8_relaxed_dot_i8x16_i7x16(va, vb));
  int32_t quads[4];
  wasm_v128_store(quads, wasm_i32x4_relaxed_dot_i8x16_i7x16_add(va, vb, wasm_i32x4_splat(seed)));
  for (int lane = 0; lane < 8; ++lane) {
    if (pairs[lane] != a[2 * lane] * b[2 * lane] + a[2 * lane + 1] * b[2 * lane + 1]) return false;
  }
  for (int lane = 0; lane < 4; ++lane) {
    int32_t expected = seed;
    for (int i = 4 * lane; i < 4 * lane + 4; ++i) expected += a[i] * b[i];
    if (quads[lane] != expected) return false;
  }
  return true;
}

}  // namespace

bool RelaxedDotSelfTest() {
  for (int round = 0; round < 16; ++round) {
    int8_t a[16];
    int8_t b[16];
    FillPseudoRandom(2 * round, -127, a);
    FillPseudoRandom(2 * round + 1, 0, b);  // the 7-bit operand: its top bit is clear
    if (round == 0) {  // the extremes: -127 and 127 by 127, the largest sums of two products
      for (int i = 0; i < 16; ++i) {
        a[i] = static_cast<int8_t>(i < 8 ? 127 : -127);
        b[i] = static_cast<int8_t>(seed + 90);
      }
    }
    if (!AgreesOn(a, b)) return false;
  }
  return true;
}

#else

bool RelaxedDotSelfTest() { return false; }

#endif

}  // namespace halfling::kernels
