// The Cholesky factor of a covariance that may be singular.
#ifndef HALFLING_COMPRESSOR_LINALG_CHOLESKY_H_
#define HALFLING_COMPRESSOR_LINALG_CHOLESKY_H_

#include <Eigen/Core>

#include "engine/base/result.h"

namespace halfling {

struct CholeskyFactor {
  Eigen::MatrixXd lower;  // [n, n], lower triangular, positive diagonal
  double ridge = 0;       // what was added to the diagonal; 0 when nothing was needed
};

// lower * lower^T = gram + ridge * I for a symmetric positive semi-definite gram [n, n] (its two
// triangles are averaged first). A covariance of fewer tokens than dimensions is singular and
// rounding can make it slightly indefinite: the ridge is then 1e-8 of the mean diagonal, times ten
// until the factorization exists and its diagonal stays above the rounding error. An all-zero gram
// gets the identity. kNonFiniteWeight, naming `what`, when the gram is not finite: inputs that only
// weights that overflow make. kInvalidRequest when it is so indefinite that a ridge of its own size
// does not help.
Result<CholeskyFactor> FactorCovariance(const Eigen::MatrixXd& gram, const char* what);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_CHOLESKY_H_
