#include "engine/layers/linear.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace halfling {
namespace {

template <typename Packed>
size_t InDim(const Packed& packed) {
  return std::visit([](const auto& form) { return form.in_dim(); }, packed);
}

template <typename Packed>
size_t OutDim(const Packed& packed) {
  return std::visit([](const auto& form) { return form.out_dim(); }, packed);
}

// left right
Matrix Product(const Matrix& left, const Matrix& right) {
  Matrix product(left.rows(), right.cols());
  for (size_t out = 0; out < left.rows(); ++out) {
    kernels::AccumulateRows(left.row(out),
                            {right.values().data(), right.cols(), nullptr, right.rows()},
                            product.row(out));
  }
  return product;
}

}  // namespace

std::vector<int> OtherRows(std::span<const int> pivots, size_t out_dim) {
  std::vector<int> others;
  auto next = pivots.begin();
  for (int row = 0; row < static_cast<int>(out_dim); ++row) {
    if (next != pivots.end() && *next == row) {
      ++next;
    } else {
      others.push_back(row);
    }
  }
  return others;
}

int Linear::InputBits(const Packed& packed) {
  if (std::holds_alternative<PackedInt7Matrix>(packed)) return 8;
  return std::holds_alternative<PackedInt8Matrix>(packed) ? 16 : 32;
}

Linear::Packed Linear::Pack(const StoredMatrix& matrix) {
  if (const auto* int8 = std::get_if<Int8Matrix>(&matrix)) {
    if (IsInt7(*int8)) return PackedInt7Matrix(*int8);
    return PackedInt8Matrix(*int8);
  }
  if (const auto* floats = std::get_if<Matrix>(&matrix)) return PackedMatrix(*floats);
  return PackedMatrix(ToMatrix(matrix));
}

StoredMatrix Linear::Unpack(const Packed& packed) {
  return std::visit([](const auto& form) -> StoredMatrix { return form.Unpack(); }, packed);
}

Linear Linear::Dense(const StoredMatrix& weight, std::vector<float> bias) {
  assert(bias.empty() || bias.size() == Rows(weight));
  Linear linear;
  linear.right_ = Pack(weight);
  linear.bias_ = std::move(bias);
  return linear;
}

Linear Linear::LowRank(const StoredMatrix& left, const StoredMatrix& right,
                       std::vector<float> bias) {
  assert(Cols(left) == Rows(right));
  assert(bias.empty() || bias.size() == Rows(left));
  Linear linear;
  linear.form_ = LinearForm::kLowRank;
  linear.left_ = Pack(left);
  linear.right_ = Pack(right);
  linear.bias_ = std::move(bias);
  return linear;
}

Linear Linear::Pivoted(const StoredMatrix& left, const StoredMatrix& right,
                       std::vector<int> pivots, std::vector<float> bias) {
  assert(pivots.size() == Rows(right));
  Linear linear = LowRank(left, right);
  linear.form_ = LinearForm::kPivoted;
  linear.others_ = OtherRows(pivots, Rows(left) + Rows(right));
  assert(linear.others_.size() == Rows(left));  // pivots that rise, and stay below out_dim
  assert(bias.empty() || bias.size() == Rows(left) + Rows(right));
  linear.pivots_ = std::move(pivots);
  linear.bias_ = std::move(bias);
  return linear;
}

size_t Linear::in_dim() const { return InDim(right_); }

size_t Linear::out_dim() const {
  if (is_dense()) return OutDim(right_);
  return OutDim(left_) + pivots_.size();
}

size_t Linear::rank() const {
  return is_dense() ? std::min(in_dim(), out_dim()) : InDim(left_);
}

size_t Linear::num_parameters() const {
  return InDim(left_) * OutDim(left_) + InDim(right_) * OutDim(right_) + bias_.size();
}

Matrix Linear::Unpack() const {
  if (is_dense()) return ToMatrix(StoredWeight());
  const Matrix right = UnpackRight();
  const Matrix product = Product(UnpackLeft(), right);
  if (is_low_rank()) return product;
  Matrix weight(out_dim(), in_dim());
  for (size_t i = 0; i < pivots_.size(); ++i) {
    std::ranges::copy(right.row(i), weight.row(static_cast<size_t>(pivots_[i])).begin());
  }
  for (size_t i = 0; i < others_.size(); ++i) {
    std::ranges::copy(product.row(i), weight.row(static_cast<size_t>(others_[i])).begin());
  }
  return weight;
}

StoredMatrix Linear::StoredWeight() const {
  assert(is_dense());
  return Unpack(right_);
}

StoredMatrix Linear::StoredLeft() const {
  assert(!is_dense());
  return Unpack(left_);
}

StoredMatrix Linear::StoredRight() const {
  assert(!is_dense());
  return Unpack(right_);
}

void Linear::MatMul(LinearInput& x, const Packed& weight, Matrix& y, LinearScratch& scratch) {
  if (const auto* int7 = std::get_if<PackedInt7Matrix>(&weight)) {
    kernels::MatMul(x.quantized(), *int7, y);
  } else if (const auto* int8 = std::get_if<PackedInt8Matrix>(&weight)) {
    kernels::MatMul(x.floats(), *int8, y, scratch.pairs);
  } else {
    kernels::MatMul(x.floats(), std::get<PackedMatrix>(weight), y);
  }
}

void Linear::ApplyFactors(LinearInput& x, Matrix& y, LinearScratch& scratch) const {
  MatMul(x, right_, scratch.inner, scratch);
  LinearInput inner(scratch.inner, scratch.inside);
  MatMul(inner, left_, y, scratch);
}

void Linear::ApplyPivoted(LinearInput& x, Matrix& y, LinearScratch& scratch) const {
  ApplyFactors(x, scratch.others, scratch);
  y.Resize(scratch.inner.rows(), out_dim());
  for (size_t t = 0; t < y.rows(); ++t) {
    const std::span<float> row = y.row(t);
    const std::span<const float> inner = scratch.inner.row(t);
    const std::span<const float> others = scratch.others.row(t);
    for (size_t i = 0; i < inner.size(); ++i) row[static_cast<size_t>(pivots_[i])] = inner[i];
    for (size_t i = 0; i < others.size(); ++i) row[static_cast<size_t>(others_[i])] = others[i];
  }
}

void Linear::Apply(const Matrix& x, Matrix& y, LinearScratch& scratch) const {
  LinearInput input(x, scratch.x);
  Apply(input, y, scratch);
}

void Linear::Apply(LinearInput& x, Matrix& y, LinearScratch& scratch) const {
  switch (form_) {
    case LinearForm::kDense: MatMul(x, right_, y, scratch); break;
    case LinearForm::kLowRank: ApplyFactors(x, y, scratch); break;
    case LinearForm::kPivoted: ApplyPivoted(x, y, scratch); break;
  }
  if (bias_.empty()) return;
  for (size_t t = 0; t < y.rows(); ++t) {
    const std::span<float> row = y.row(t);
    for (size_t out = 0; out < row.size(); ++out) row[out] += bias_[out];
  }
}

}  // namespace halfling
