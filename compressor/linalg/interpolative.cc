#include "compressor/linalg/interpolative.h"

#include <Eigen/QR>
#include <algorithm>

namespace halfling {

std::vector<int> OtherRows(Eigen::Index num_rows, const std::vector<int>& rows) {
  std::vector<int> others;
  auto next = rows.begin();
  for (int row = 0; row < static_cast<int>(num_rows); ++row) {
    if (next != rows.end() && *next == row) {
      ++next;
    } else {
      others.push_back(row);
    }
  }
  return others;
}

InterpolativeFactors Interpolate(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right) {
  const Eigen::Index rank = left.cols();
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(left.transpose());
  const auto& order = qr.colsPermutation().indices();
  InterpolativeFactors factors;
  factors.pivots.assign(order.data(), order.data() + rank);
  std::ranges::sort(factors.pivots);
  factors.pivot_rows = left(factors.pivots, Eigen::all) * right;
  // C A_pivots = A_others, solved from the right.
  factors.coefficients =
      left(factors.pivots, Eigen::all)
          .transpose()
          .colPivHouseholderQr()
          .solve(left(OtherRows(left.rows(), factors.pivots), Eigen::all).transpose())
          .transpose();
  return factors;
}

}  // namespace halfling
