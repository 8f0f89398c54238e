// The kernels as the layers call them; each runs the active implementation. See generic.h for the
// arithmetic, which is part of the contract: all implementations and builds agree to the bit.
#ifndef HALFLING_ENGINE_KERNELS_KERNELS_H_
#define HALFLING_ENGINE_KERNELS_KERNELS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels/implementation.h"
#include "engine/kernels/packed_integer_matrix.h"
#include "engine/kernels/packed_matrix.h"
#include "engine/tensor/tensor.h"

namespace halfling::kernels {

// y = x W^T; x: [tokens, in_dim], W: [out_dim, in_dim], y: [tokens, out_dim], resized. A token's
// outputs do not depend on the other tokens in the batch.
void MatMul(const Matrix& x, const PackedMatrix& weight, Matrix& y);

// The rows of x as an integer product takes them: x[t, i] is about its integer times scales[t].
struct QuantizedRows {
  std::vector<int16_t> values;  // in the layout of the implementation that runs
  std::vector<float> scales;    // [tokens]; NaN for a row with a NaN or an infinity
  std::vector<int32_t> sums;    // [tokens], of the integers; for an int7 product alone
};

// The same with int8 weights: x is rounded to 16-bit integers, a scale for each of its rows, and
// the sums are exact integers (see generic.h). A NaN or an infinity in a row of x makes its outputs
// NaN. in_dim <= kMaxInt8InDim. `scratch` is any to reuse.
void MatMul(const Matrix& x, const PackedInt8Matrix& weight, Matrix& y, QuantizedRows& scratch);

// The same with int7 weights, for which x is rounded to 8-bit integers. Several products of one x
// share the rounding.
void QuantizeInt7(const Matrix& x, QuantizedRows& quantized);
void MatMul(const QuantizedRows& x, const PackedInt7Matrix& weight, Matrix& y);

// out[i] = <x, row i>; out: [rows.count]
void DotRows(std::span<const float> x, const Rows& rows, std::span<float> out);

// out += sum_i weights[i] * row i, in the order of i; weights: [rows.count]
void AccumulateRows(std::span<const float> weights, const Rows& rows, std::span<float> out);

// values = e^(scale * (values - max)), in place; returns their sum, by which a softmax divides.
// scale > 0.
float SoftmaxTerms(std::span<float> values, float scale);

// y = x / sqrt(mean(x^2) + epsilon) * weight; y may be x.
void RmsNorm(std::span<const float> x, std::span<const float> weight, float epsilon,
             std::span<float> y);

// gate = silu(gate) * up, silu(g) = g / (1 + e^-g); both of one size
void SiluMultiply(std::span<float> gate, std::span<const float> up);

// y = e^x within 2 ulp; 0 below -87.3 and at most e^88.37. y may be x.
void Exp(std::span<const float> x, std::span<float> y);

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_KERNELS_H_
