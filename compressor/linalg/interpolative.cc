#include "compressor/linalg/interpolative.h"

#include <Eigen/QR>
#include <algorithm>

#include "engine/layers/linear.h"

namespace halfling {

InterpolativeFactors Interpolate(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
  const Eigen::Index rank = left.cols();
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(left.transpose());
  const auto& order = qr.colsPermutation().indices();
  InterpolativeFactors factors;
  factors.pivots.assign(order.data(), order.data() + rank);
  std::ranges::sort(factors.pivots);
  factors.pivot_rows = left(factors.pivots, Eigen::all) * right;
  const std::vector<int> others = OtherRows(factors.pivots, static_cast<size_t>(left.rows()));
  // C A_pivots = A_others, solved from the right.
  factors.coefficients =
      left(factors.pivots, Eigen::all)
          .transpose()
          .colPivHouseholderQr()
          .solve(left(others, Eigen::all).transpose())
          .transpose();
  return factors;
}

}  // namespace halfling
