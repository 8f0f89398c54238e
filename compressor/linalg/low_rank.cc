#include "compressor/linalg/low_rank.h"

#include <Eigen/SVD>

#include "compressor/linalg/cholesky.h"

namespace halfling {
namespace {

// Factors of W L into factors of W: B L = right, solved from the right side.
LowRankFactors UndoWhitening(LowRankFactors factors, const Eigen::MatrixXd& lower) {
  lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(factors.right);
  return factors;
}

// C L^-T
Eigen::MatrixXd WhitenedRegression(Eigen::MatrixXd cross, const Eigen::MatrixXd& lower) {
  lower.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(cross);
  return cross;
}

}  // namespace

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
  return UndoWhitening(TruncateSvd(weight * lower.triangularView<Eigen::Lower>(), rank), lower);
}

LowRankFactors TruncateRegression(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& lower,
                                  Eigen::Index rank) {
  return UndoWhitening(TruncateSvd(WhitenedRegression(cross, lower), rank), lower);
}

Eigen::MatrixXd Regress(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& lower) {
  Eigen::MatrixXd solution = WhitenedRegression(cross, lower);
  lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(solution);
  return solution;
}

Result<Eigen::MatrixXd> RefitLeftFactor(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& gram,
                                        const Eigen::MatrixXd& right, const char* what) {
  HALFLING_ASSIGN_OR_RETURN(const CholeskyFactor factor,
                            FactorCovariance(right * gram * right.transpose(), what));
  // A (L L^T) = C B^T, one triangle at a time.
  Eigen::MatrixXd left = cross * right.transpose();
  factor.lower.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(left);
  factor.lower.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(left);
  return left;
}

}  // namespace halfling
