#include "engine/kernels/kernels.h"

#include <cassert>

namespace halfling::kernels {

void MatMul(const Matrix& x, const PackedMatrix& weight, Matrix& y) {
  assert(x.cols() == weight.in_dim());
  y.Resize(x.rows(), weight.out_dim());
  ActiveImplementation().mat_mul(x.values().data(), x.rows(), weight.panel(0), weight.in_dim(),
                                 weight.out_dim(), y.values().data());
}

void MatMul(const Matrix& x, const PackedInt8Matrix& weight, Matrix& y, QuantizedRows& scratch) {
  assert(x.cols() == weight.in_dim() && x.cols() <= kMaxInt8InDim);
  const Implementation& active = ActiveImplementation();
  scratch.values.resize(x.rows() * 2 * weight.num_steps());
  scratch.scales.resize(x.rows());
  active.quantize_int8(x.values().data(), x.rows(), x.cols(),
                       static_cast<float>(Int8InputLimit(x.cols())), scratch.values.data(),
                       scratch.scales.data());
  y.Resize(x.rows(), weight.out_dim());
  active.mat_mul_int8(scratch.values.data(), scratch.scales.data(), x.rows(), weight.panel(0),
                      weight.scales(), weight.num_steps(), weight.out_dim(), y.values().data());
}

void QuantizeInt7(const Matrix& x, QuantizedRows& quantized) {
  quantized.values.resize(x.rows() * ((x.cols() + 3) / 4 * 4));
  quantized.scales.resize(x.rows());
  quantized.sums.resize(x.rows());
  ActiveImplementation().quantize_int7(x.values().data(), x.rows(), x.cols(),
                                       quantized.values.data(), quantized.scales.data(),
                                       quantized.sums.data());
}

void MatMul(const QuantizedRows& x, const PackedInt7Matrix& weight, Matrix& y) {
  const size_t tokens = x.scales.size();
  assert(x.values.size() == tokens * 4 * weight.num_steps());
  assert(weight.in_dim() <= kMaxInt7InDim);
  y.Resize(tokens, weight.out_dim());
  ActiveImplementation().mat_mul_int7(x.values.data(), x.scales.data(), x.sums.data(), tokens,
                                      weight.panel(0), weight.scales(), weight.num_steps(),
                                      weight.out_dim(), y.values().data());
}

void DotRows(std::span<const float> x, const Rows& rows, std::span<float> out) {
  assert(out.size() == rows.count);
  ActiveImplementation().dot_rows(x.data(), x.size(), rows, out.data());
}

void AccumulateRows(std::span<const float> weights, const Rows& rows, std::span<float> out) {
  assert(weights.size() == rows.count);
  ActiveImplementation().accumulate_rows(weights.data(), rows, out.size(), out.data());
}

float SoftmaxTerms(std::span<float> values, float scale) {
  return ActiveImplementation().softmax_terms(values.data(), values.size(), scale);
}

void RmsNorm(std::span<const float> x, std::span<const float> weight, float epsilon,
             std::span<float> y) {
  assert(x.size() == weight.size() && x.size() == y.size());
  ActiveImplementation().rms_norm(x.data(), weight.data(), x.size(), epsilon, y.data());
}

void SiluMultiply(std::span<float> gate, std::span<const float> up) {
  assert(gate.size() == up.size());
  ActiveImplementation().silu_multiply(gate.data(), up.data(), gate.size());
}

void Exp(std::span<const float> x, std::span<float> y) {
  assert(x.size() == y.size());
  ActiveImplementation().exp(x.data(), x.size(), y.data());
}

}  // namespace halfling::kernels
