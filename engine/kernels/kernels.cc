#include "engine/kernels/kernels.h"

#include <cassert>

namespace halfling::kernels {

void MatMul(const Matrix& x, const PackedMatrix& weight, Matrix& y) {
  assert(x.cols() == weight.in_dim());
  y.Resize(x.rows(), weight.out_dim());
  ActiveImplementation().mat_mul(x.values().data(), x.rows(), weight.panel(0), weight.in_dim(),
                                 weight.out_dim(), y.values().data());
}

void MatMul(const Matrix& x, const PackedInt8Matrix& weight, Matrix& y, QuantizedRows&) {
  MatMul(x, PackedMatrix(ToMatrix(weight.Unpack())), y);
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
