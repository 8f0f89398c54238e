#include "engine/layers/linear.h"

#include <algorithm>
#include <cassert>

#include "engine/kernels/kernels.h"

namespace halfling {

Linear Linear::Dense(const Matrix& weight, std::vector<float> bias) {
  assert(bias.empty() || bias.size() == weight.rows());
  Linear linear;
  linear.weight_ = DenseLinear{PackedMatrix(weight)};
  linear.bias_ = std::move(bias);
  return linear;
}

Linear Linear::LowRank(const Matrix& left, const Matrix& right, std::vector<float> bias) {
  assert(left.cols() == right.rows());
  assert(bias.empty() || bias.size() == left.rows());
  Linear linear;
  linear.weight_ = LowRankLinear{PackedMatrix(left), PackedMatrix(right)};
  linear.bias_ = std::move(bias);
  return linear;
}

bool Linear::is_low_rank() const { return std::holds_alternative<LowRankLinear>(weight_); }

size_t Linear::in_dim() const {
  if (const auto* low_rank = std::get_if<LowRankLinear>(&weight_)) return low_rank->right.in_dim();
  return std::get<DenseLinear>(weight_).weight.in_dim();
}

size_t Linear::out_dim() const {
  if (const auto* low_rank = std::get_if<LowRankLinear>(&weight_)) return low_rank->left.out_dim();
  return std::get<DenseLinear>(weight_).weight.out_dim();
}

size_t Linear::rank() const {
  if (const auto* low_rank = std::get_if<LowRankLinear>(&weight_)) return low_rank->left.in_dim();
  return std::min(in_dim(), out_dim());
}

size_t Linear::num_parameters() const {
  const size_t weights =
      is_low_rank() ? rank() * (in_dim() + out_dim()) : in_dim() * out_dim();
  return weights + bias_.size();
}

Matrix Linear::Unpack() const {
  if (!is_low_rank()) return std::get<DenseLinear>(weight_).weight.Unpack();
  const Matrix left = UnpackLeft();    // [out_dim, rank]
  const Matrix right = UnpackRight();  // [rank, in_dim]
  Matrix product(out_dim(), in_dim());
  for (size_t out = 0; out < left.rows(); ++out) {
    kernels::AccumulateRows(
        left.row(out), {right.values().data(), right.cols(), nullptr, right.rows()},
        product.row(out));
  }
  return product;
}

Matrix Linear::UnpackLeft() const { return std::get<LowRankLinear>(weight_).left.Unpack(); }

Matrix Linear::UnpackRight() const { return std::get<LowRankLinear>(weight_).right.Unpack(); }

void Linear::Apply(const Matrix& x, Matrix& y, Matrix& scratch) const {
  if (const auto* low_rank = std::get_if<LowRankLinear>(&weight_)) {
    kernels::MatMul(x, low_rank->right, scratch);
    kernels::MatMul(scratch, low_rank->left, y);
  } else {
    kernels::MatMul(x, std::get<DenseLinear>(weight_).weight, y);
  }
  if (bias_.empty()) return;
  for (size_t t = 0; t < y.rows(); ++t) {
    const std::span<float> row = y.row(t);
    for (size_t out = 0; out < row.size(); ++out) row[out] += bias_[out];
  }
}

}  // namespace halfling
