// An int8 weight matrix in the order in which the kernels read it.
#ifndef HALFLING_ENGINE_KERNELS_PACKED_INT8_MATRIX_H_
#define HALFLING_ENGINE_KERNELS_PACKED_INT8_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/tensor/stored_matrix.h"

namespace halfling {

// Panels of 16 outputs as in PackedMatrix, but with pairs of inputs side by side, as the
// multiply-add instructions for 16-bit integers want them: a panel is
// [ceil(in_dim / 2), 16 outputs, 2 inputs], padded with zeros.
class PackedInt8Matrix {
 public:
  static constexpr size_t kPanelWidth = 16;

  PackedInt8Matrix() = default;
  // weight: [out_dim, in_dim]
  explicit PackedInt8Matrix(const Int8Matrix& weight);

  size_t in_dim() const { return in_dim_; }
  size_t out_dim() const { return out_dim_; }
  size_t num_pairs() const { return (in_dim_ + 1) / 2; }
  size_t num_panels() const { return (out_dim_ + kPanelWidth - 1) / kPanelWidth; }
  const int8_t* panel(size_t i) const { return values_.data() + i * PanelSize(); }
  const float* scales() const { return scales_.data(); }  // [num_panels * kPanelWidth]

  Int8Matrix Unpack() const;  // back to [out_dim, in_dim]

 private:
  size_t PanelSize() const { return num_pairs() * kPanelWidth * 2; }
  // Where in values_ the weight from input `in` to output `out` lies.
  size_t IndexOf(size_t out, size_t in) const {
    const size_t pair = in / 2 * kPanelWidth + out % kPanelWidth;
    return out / kPanelWidth * PanelSize() + pair * 2 + in % 2;
  }

  size_t in_dim_ = 0;
  size_t out_dim_ = 0;
  std::vector<int8_t> values_;
  std::vector<float> scales_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_KERNELS_PACKED_INT8_MATRIX_H_
