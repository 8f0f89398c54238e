// The kernels' implementations: one per instruction set, all bit-identical, picked at run time.
//
// The arithmetic is defined once, in generic.h, and each implementation instantiates it with the
// vector type of its instruction set (vec_*.h). Multiplications and additions are never fused.
#ifndef HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_
#define HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace halfling::kernels {

// Outputs in one panel of a packed weight matrix (packed_matrix.h).
inline constexpr size_t kPanelWidth = 16;

// The largest magnitude of the integers that stand for the inputs of an int8 product: the most that
// 16 bits hold, or less, so that in_dim products with weights of at most 127 sum up within 32 bits.
constexpr size_t Int8InputLimit(size_t in_dim) {
  const size_t limit = in_dim == 0 ? 0x7fff : size_t{0x7fffffff} / 127 / in_dim;
  return limit < 0x7fff ? limit : 0x7fff;
}

// The widest int8 matrix: beyond, inputs would be rounded to fewer than eight bits.
inline constexpr size_t kMaxInt8InDim = 0x7fffffff / 127 / 127;
static_assert(Int8InputLimit(kMaxInt8InDim) == 127);

// Of an int7 product: what its weights are stored with, so that none is negative; the largest
// magnitude of its inputs; and the widest matrix whose sums stay within 32 bits.
inline constexpr int kInt7Offset = 64;
inline constexpr int kInt7InputLimit = 127;
inline constexpr size_t kMaxInt7InDim = 0x7fffffff / kInt7InputLimit / (127 + kInt7Offset);

// Rows of a larger buffer, e.g. cached keys: row i starts at
// base + (indices != nullptr ? indices[i] : i) * stride.
struct Rows {
  const float* base = nullptr;
  size_t stride = 0;
  const int* indices = nullptr;
  size_t count = 0;
};

// Pointers only, so that files compiled for a newer instruction set instantiate nothing of the
// standard library that the linker could hand to an older processor. kernels.h has the same
// functions, with the shapes stated, for the layers to call.
struct Implementation {
  const char* name;
  bool (*is_supported)();
  void (*mat_mul)(const float* x, size_t tokens, const float* panels, size_t in_dim,
                  size_t out_dim, float* y);
  // x: [tokens, dim] -> quantized: [tokens, dim rounded up to an even number], scales: [tokens]
  void (*quantize_int8)(const float* x, size_t tokens, size_t dim, float limit, int16_t* quantized,
                        float* scales);
  void (*mat_mul_int8)(const int16_t* x, const float* token_scales, size_t tokens,
                       const int8_t* panels, const float* weight_scales, size_t pairs,
                       size_t out_dim, float* y);
  // `quantized` has room for [tokens, dim rounded up to a multiple of 4]; what is there is the
  // implementation's own. sums: [tokens]
  void (*quantize_int7)(const float* x, size_t tokens, size_t dim, int16_t* quantized,
                        float* scales, int32_t* sums);
  void (*mat_mul_int7)(const int16_t* x, const float* token_scales, const int32_t* token_sums,
                       size_t tokens, const uint8_t* panels, const float* weight_scales,
                       size_t fours, size_t out_dim, float* y);
  void (*dot_rows)(const float* x, size_t dim, Rows rows, float* out);
  void (*accumulate_rows)(const float* weights, Rows rows, size_t dim, float* out);
  float (*softmax_terms)(float* values, size_t count, float scale);
  void (*rms_norm)(const float* x, const float* weight, size_t dim, float epsilon, float* y);
  void (*silu_multiply)(float* gate, const float* up, size_t count);
  void (*exp)(const float* x, size_t count, float* y);
};

// Compiled in and able to run here, the fastest first. "scalar" is among them, except in WebAssembly,
// where all engines run SIMD and a page would download it for nothing; there the tests link it.
std::span<const Implementation* const> AvailableImplementations();

// The one that runs: the fastest, unless UseImplementation chose another.
const Implementation& ActiveImplementation();

// Makes `name` run from now on, on all threads; false if it is not available. The engine's only
// process-wide setting: since all implementations agree to the bit, it cannot change a result.
bool UseImplementation(std::string_view name);

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_
