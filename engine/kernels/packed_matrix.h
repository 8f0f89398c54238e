// A weight matrix in the order in which the kernels read it.
#ifndef HALFLING_ENGINE_KERNELS_PACKED_MATRIX_H_
#define HALFLING_ENGINE_KERNELS_PACKED_MATRIX_H_

#include <cstddef>
#include <vector>

#include "engine/tensor/tensor.h"

namespace halfling {

// Outputs are the SIMD lanes: panels of kPanelWidth outputs, each [in_dim, kPanelWidth], the last
// one padded with zeros. An output is then a plain sum over the inputs in index order, so that any
// lane width, and scalar code, give the same bits.
class PackedMatrix {
 public:
  static constexpr size_t kPanelWidth = 16;

  PackedMatrix() = default;
  // weight: row-major [out_dim, in_dim]
  explicit PackedMatrix(const Matrix& weight);

  size_t in_dim() const { return in_dim_; }
  size_t out_dim() const { return out_dim_; }
  size_t num_panels() const { return (out_dim_ + kPanelWidth - 1) / kPanelWidth; }
  const float* panel(size_t i) const { return values_.data() + i * in_dim_ * kPanelWidth; }

  Matrix Unpack() const;  // back to row-major [out_dim, in_dim]

 private:
  size_t in_dim_ = 0;
  size_t out_dim_ = 0;
  std::vector<float> values_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_KERNELS_PACKED_MATRIX_H_
