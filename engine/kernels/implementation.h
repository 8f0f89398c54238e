// The kernels' implementations: one per instruction set, all bit-identical, picked at run time.
//
// The arithmetic is defined once, in generic.h, and each implementation instantiates it with the
// vector type of its instruction set (vec_*.h). Multiplications and additions are never fused.
#ifndef HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_
#define HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace halfling::kernels {

// Outputs in one panel of a packed weight matrix (packed_matrix.h).
inline constexpr size_t kPanelWidth = 16;

// The widest int8 matrix: beyond, activations would have fewer than eight bits, for their products
// with the weights to sum up within 32 (generic.h).
inline constexpr size_t kMaxInt8InDim = 0x7fffffff / (127 * 127);

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
  void (*dot_rows)(const float* x, size_t dim, Rows rows, float* out);
  void (*accumulate_rows)(const float* weights, Rows rows, size_t dim, float* out);
  void (*softmax)(float* values, size_t count, float scale);
  void (*rms_norm)(const float* x, const float* weight, size_t dim, float epsilon, float* y);
  void (*silu_multiply)(float* gate, const float* up, size_t count);
  void (*exp)(const float* x, size_t count, float* y);
};

// Compiled in and able to run here, the fastest first; "scalar" is always among them.
std::span<const Implementation* const> AvailableImplementations();

// The one that runs: the fastest, unless UseImplementation chose another.
const Implementation& ActiveImplementation();

// Makes `name` run from now on, on all threads; false if it is not available. The engine's only
// process-wide setting: since all implementations agree to the bit, it cannot change a result.
bool UseImplementation(std::string_view name);

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_IMPLEMENTATION_H_
