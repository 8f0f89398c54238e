#include "engine/kernels/packed_int8_matrix.h"

#include "engine/kernels/implementation.h"

namespace halfling {

static_assert(PackedInt8Matrix::kPanelWidth == kernels::kPanelWidth);

PackedInt8Matrix::PackedInt8Matrix(const Int8Matrix& weight)
    : in_dim_(weight.cols), out_dim_(weight.rows), scales_(weight.scales) {
  values_.resize(num_panels() * PanelSize());
  scales_.resize(num_panels() * kPanelWidth);
  for (size_t out = 0; out < out_dim_; ++out) {
    for (size_t in = 0; in < in_dim_; ++in) {
      values_[IndexOf(out, in)] = weight.values[out * in_dim_ + in];
    }
  }
}

Int8Matrix PackedInt8Matrix::Unpack() const {
  Int8Matrix weight{out_dim_, in_dim_, {}, {}};
  weight.scales.assign(scales_.begin(), scales_.begin() + static_cast<std::ptrdiff_t>(out_dim_));
  weight.values.reserve(out_dim_ * in_dim_);
  for (size_t out = 0; out < out_dim_; ++out) {
    for (size_t in = 0; in < in_dim_; ++in) weight.values.push_back(values_[IndexOf(out, in)]);
  }
  return weight;
}

}  // namespace halfling
