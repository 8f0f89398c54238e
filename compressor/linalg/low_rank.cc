#include "compressor/linalg/low_rank.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

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

// By the eigenvectors of the smaller of W W^T and W^T W, which takes a fraction of an SVD's time.
// That squares the condition number: singular values below 1e-8 of the largest drown in rounding. The
// other side of the factors comes from W itself, so A B is the projection of W whatever their size.
LowRankFactors TruncateSvd(const Eigen::MatrixXd& weight, Eigen::Index rank) {
  const bool is_tall = weight.rows() > weight.cols();
  const Eigen::Index size = std::min(weight.rows(), weight.cols());
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(size, size);  // its lower triangle
  if (is_tall) {
    gram.selfadjointView<Eigen::Lower>().rankUpdate(weight.transpose());
  } else {
    gram.selfadjointView<Eigen::Lower>().rankUpdate(weight);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
  LowRankFactors factors;
  factors.singular_values = solver.eigenvalues().reverse().cwiseMax(0.0).cwiseSqrt();
  const Eigen::MatrixXd vectors = solver.eigenvectors().rightCols(rank).rowwise().reverse();
  if (is_tall) {
    factors.left = weight * vectors;
    factors.right = vectors.transpose();
  } else {
    factors.left = vectors;
    factors.right = vectors.transpose() * weight;
  }
  // One side has norm 1, the other the singular value: each gets its root.
  for (Eigen::Index k = 0; k < rank; ++k) {
    const double norm = is_tall ? factors.left.col(k).norm() : factors.right.row(k).norm();
    const double root = std::sqrt(norm);
    const double inverse = root > 0 ? 1 / root : 0;
    factors.left.col(k) *= is_tall ? inverse : root;
    factors.right.row(k) *= is_tall ? root : inverse;
  }
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
