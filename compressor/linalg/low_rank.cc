#include "compressor/linalg/low_rank.h"

#include <Eigen/SVD>

#include "compressor/linalg/cholesky.h"

namespace halfling {

LowRankFactors TruncateSvd(const Eigen::MatrixXd& weight, Eigen::Index rank) {
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(weight, Eigen::ComputeThinU | Eigen::ComputeThinV);
  LowRankFactors factors;
  factors.singular_values = svd.singularValues();
  const Eigen::VectorXd roots = factors.singular_values.head(rank).cwiseSqrt();
  factors.left = svd.matrixU().leftCols(rank) * roots.asDiagonal();
  factors.right = roots.asDiagonal() * svd.matrixV().leftCols(rank).transpose();
  return factors;
}

LowRankFactors TruncateWhitenedSvd(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& lower,
                                   Eigen::Index rank) {
  const Eigen::MatrixXd whitened = weight * lower.triangularView<Eigen::Lower>();
  LowRankFactors factors = TruncateSvd(whitened, rank);
  // B L = right, solved from the right side.
  lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(factors.right);
  return factors;
}

Result<Eigen::MatrixXd> SolveLeftFactor(const Eigen::MatrixXd& outputs_by_codes,
                                        const Eigen::MatrixXd& code_gram, const char* what) {
  HALFLING_ASSIGN_OR_RETURN(const CholeskyFactor factor, FactorCovariance(code_gram, what));
  // A (L L^T) = Y Z^T, one triangle at a time.
  Eigen::MatrixXd left = outputs_by_codes;
  factor.lower.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(left);
  factor.lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(left);
  return left;
}

}  // namespace halfling
