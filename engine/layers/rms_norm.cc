#include "engine/layers/rms_norm.h"

#include "engine/kernels/kernels.h"

namespace halfling {

void RmsNormRows(const Matrix& x, std::span<const float> weight, float epsilon, Matrix& normed) {
  normed.Resize(x.rows(), x.cols());
  for (size_t t = 0; t < x.rows(); ++t) {
    kernels::RmsNorm(x.row(t), weight, epsilon, normed.row(t));
  }
}

void RmsNormHeads(std::span<const float> weight, float epsilon, std::span<float> heads) {
  for (size_t begin = 0; begin < heads.size(); begin += weight.size()) {
    const std::span<float> head = heads.subspan(begin, weight.size());
    kernels::RmsNorm(head, weight, epsilon, head);
  }
}

}  // namespace halfling
