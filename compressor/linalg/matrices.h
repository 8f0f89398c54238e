// Between the engine's f32 matrices and the doubles that the compressor calculates in.
#ifndef HALFLING_COMPRESSOR_LINALG_MATRICES_H_
#define HALFLING_COMPRESSOR_LINALG_MATRICES_H_

#include <Eigen/Core>

#include "engine/tensor/tensor.h"

namespace halfling {

using RowMajorFloats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A view of the matrix's own values, [rows, cols].
inline Eigen::Map<const RowMajorFloats> AsEigen(const Matrix& matrix) {
  return {matrix.values().data(), static_cast<Eigen::Index>(matrix.rows()),
          static_cast<Eigen::Index>(matrix.cols())};
}

inline Eigen::MatrixXd ToDoubles(const Matrix& matrix) { return AsEigen(matrix).cast<double>(); }

// Rounds to nearest; values beyond float's range become infinite.
inline Matrix ToFloatMatrix(const Eigen::MatrixXd& matrix) {
  Matrix result(static_cast<size_t>(matrix.rows()), static_cast<size_t>(matrix.cols()));
  Eigen::Map<RowMajorFloats>(result.values().data(), matrix.rows(), matrix.cols()) =
      matrix.cast<float>();
  return result;
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_MATRICES_H_
