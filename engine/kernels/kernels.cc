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
  const auto limit = static_cast<float>(Int8InputLimit(x.cols()));
  const size_t row_size = 2 * weight.num_pairs();
  scratch.values.resize(x.rows() * row_size);
  scratch.scales.resize(x.rows());
  for (size_t t = 0; t < x.rows(); ++t) {
    scratch.scales[t] = active.quantize_row(x.row(t).data(), x.cols(), limit,
                                            scratch.values.data() + t * row_size);
  }
  y.Resize(x.rows(), weight.out_dim());
  active.mat_mul_int8(scratch.values.data(), scratch.scales.data(), x.rows(), weight.panel(0),
                      weight.scales(), weight.num_pairs(), weight.out_dim(), y.values().data());
}

void DotRows(std::span<const float> x, const Rows& rows, std::span<float> out) {
  assert(out.size() == rows.count);
  ActiveImplementation().dot_rows(x.data(), x.size(), rows, out.data());
}

void AccumulateRows(std::span<const float> weights, const Rows& rows, std::span<float> out) {
  assert(weights.size() == rows.count);
  ActiveImplementation().accumulate_rows(weights.data(), rows, out.size(), out.data());
}

void Softmax(std::span<float> values, float scale) {
  ActiveImplementation().softmax(values.data(), values.size(), scale);
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
