#include "engine/kernels/packed_matrix.h"

#include "engine/kernels/implementation.h"

namespace halfling {

static_assert(PackedMatrix::kPanelWidth == kernels::kPanelWidth);

PackedMatrix::PackedMatrix(const Matrix& weight) : in_dim_(weight.cols()), out_dim_(weight.rows()) {
  values_.resize(num_panels() * in_dim_ * kPanelWidth);  // zeros: the padding of the last panel
  for (size_t out = 0; out < out_dim_; ++out) {
    const std::span<const float> row = weight.row(out);
    float* lane = values_.data() + (out / kPanelWidth) * in_dim_ * kPanelWidth + out % kPanelWidth;
    for (size_t in = 0; in < in_dim_; ++in) lane[in * kPanelWidth] = row[in];
  }
}

Matrix PackedMatrix::Unpack() const {
  Matrix weight(out_dim_, in_dim_);
  for (size_t out = 0; out < out_dim_; ++out) {
    const std::span<float> row = weight.row(out);
    const float* lane = panel(out / kPanelWidth) + out % kPanelWidth;
    for (size_t in = 0; in < in_dim_; ++in) row[in] = lane[in * kPanelWidth];
  }
  return weight;
}

}  // namespace halfling
