// Integer weight matrices in the order in which the kernels read them.
#ifndef HALFLING_ENGINE_KERNELS_PACKED_INTEGER_MATRIX_H_
#define HALFLING_ENGINE_KERNELS_PACKED_INTEGER_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/implementation.h"
#include "engine/tensor/stored_matrix.h"

namespace halfling {

// Panels of 16 outputs as in PackedMatrix, but with kTogether inputs side by side, as the
// multiply-add instructions want them: a panel is [ceil(in_dim / kTogether), 16 outputs, kTogether
// inputs] of value + kOffset, padded with the value 0.
template <typename Integer, size_t kTogether, int kOffset>
class PackedIntegerMatrix {
 public:
  static constexpr size_t kPanelWidth = kernels::kPanelWidth;

  PackedIntegerMatrix() = default;
  // weight: [out_dim, in_dim]
  explicit PackedIntegerMatrix(const Int8Matrix& weight)
      : in_dim_(weight.cols), out_dim_(weight.rows), scales_(weight.scales) {
    values_.resize(num_panels() * PanelSize(), Integer{kOffset});
    scales_.resize(num_panels() * kPanelWidth);
    for (size_t out = 0; out < out_dim_; ++out) {
      for (size_t in = 0; in < in_dim_; ++in) {
        values_[IndexOf(out, in)] =
            static_cast<Integer>(weight.values[out * in_dim_ + in] + kOffset);
      }
    }
  }

  size_t in_dim() const { return in_dim_; }
  size_t out_dim() const { return out_dim_; }
  size_t num_steps() const { return (in_dim_ + kTogether - 1) / kTogether; }
  size_t num_panels() const { return (out_dim_ + kPanelWidth - 1) / kPanelWidth; }
  const Integer* panel(size_t i) const { return values_.data() + i * PanelSize(); }
  const float* scales() const { return scales_.data(); }  // [num_panels * kPanelWidth]

  // Back to [out_dim, in_dim].
  Int8Matrix Unpack() const {
    Int8Matrix weight{out_dim_, in_dim_, {}, {}};
    weight.scales.assign(scales_.begin(), scales_.begin() + static_cast<std::ptrdiff_t>(out_dim_));
    weight.values.reserve(out_dim_ * in_dim_);
    for (size_t out = 0; out < out_dim_; ++out) {
      for (size_t in = 0; in < in_dim_; ++in) {
        weight.values.push_back(static_cast<int8_t>(values_[IndexOf(out, in)] - kOffset));
      }
    }
    return weight;
  }

 private:
  size_t PanelSize() const { return num_steps() * kPanelWidth * kTogether; }
  // Where in values_ the weight from input `in` to output `out` lies.
  size_t IndexOf(size_t out, size_t in) const {
    const size_t group = in / kTogether * kPanelWidth + out % kPanelWidth;
    return out / kPanelWidth * PanelSize() + group * kTogether + in % kTogether;
  }

  size_t in_dim_ = 0;
  size_t out_dim_ = 0;
  std::vector<Integer> values_;
  std::vector<float> scales_;
};

// Any int8 matrix: pairs, for products of 16-bit inputs.
using PackedInt8Matrix = PackedIntegerMatrix<int8_t, 2, 0>;

// One whose integers are all within -63 … 63: fours of 7 bits without a sign, for the products of
// bytes that processors and relaxed SIMD have.
using PackedInt7Matrix = PackedIntegerMatrix<uint8_t, 4, kernels::kInt7Offset>;

// Whether a PackedInt7Matrix can hold it.
bool IsInt7(const Int8Matrix& weight);

}  // namespace halfling

#endif  // HALFLING_ENGINE_KERNELS_PACKED_INTEGER_MATRIX_H_
