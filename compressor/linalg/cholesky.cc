#include "compressor/linalg/cholesky.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>
#include <string>

namespace halfling {
namespace {

// A pivot that small relative to the largest is rounding, not information: the triangular solve
// would divide by noise.
constexpr double kSmallestPivotRatio = 1e-8;
constexpr double kFirstRelativeRidge = 1e-8;
constexpr double kLargestRelativeRidge = 1.0;

bool Factor(const Eigen::MatrixXd& symmetric, Eigen::MatrixXd& lower) {
  const Eigen::LLT<Eigen::MatrixXd> factorization(symmetric);
  if (factorization.info() != Eigen::Success) return false;
  lower = factorization.matrixL();
  const auto diagonal = lower.diagonal();
  return lower.allFinite() && diagonal.minCoeff() > kSmallestPivotRatio * diagonal.maxCoeff();
}

}  // namespace

Result<CholeskyFactor> FactorCovariance(const Eigen::MatrixXd& gram, const char* what) {
  if (!gram.allFinite()) {
    return Fail(ErrorCode::kNonFiniteWeight, what,
                ": its inputs on the calibration sequences are not finite: the model's weights "
                "overflow");
  }
  const Eigen::Index n = gram.rows();
  const Eigen::MatrixXd symmetric = 0.5 * (gram + gram.transpose());
  const double mean_diagonal = n == 0 ? 0.0 : symmetric.trace() / static_cast<double>(n);

  CholeskyFactor factor;
  if (symmetric.isZero(0.0)) {
    factor.lower = Eigen::MatrixXd::Identity(n, n);
    factor.ridge = 1.0;
    return factor;
  }
  if (Factor(symmetric, factor.lower)) return factor;

  for (double relative = kFirstRelativeRidge; relative <= kLargestRelativeRidge; relative *= 10) {
    factor.ridge = relative * mean_diagonal;
    const Eigen::MatrixXd ridged = symmetric + factor.ridge * Eigen::MatrixXd::Identity(n, n);
    if (factor.ridge > 0 && Factor(ridged, factor.lower)) return factor;
  }
  return Fail(ErrorCode::kInvalidRequest,
              std::string(what) + ": expected a positive semi-definite covariance");
}

}  // namespace halfling
