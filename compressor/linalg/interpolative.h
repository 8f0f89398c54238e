// A low-rank product by some of its own rows.
#ifndef HALFLING_COMPRESSOR_LINALG_INTERPOLATIVE_H_
#define HALFLING_COMPRESSOR_LINALG_INTERPOLATIVE_H_

#include <Eigen/Core>
#include <vector>

namespace halfling {

// W = A B of rank r: the rows `pivots` of W span all others. With P those rows [r, n], the others
// (in rising order) are C P.
struct InterpolativeFactors {
  std::vector<int> pivots;       // [r], rising
  Eigen::MatrixXd pivot_rows;    // P [r, n]
  Eigen::MatrixXd coefficients;  // C [m - r, r]
};

// The row interpolative decomposition of left * right (Cheng et al., 2005), by QR with column
// pivoting of left^T: r (m + n - r) numbers instead of r (m + n), and the same product. left: [m,
// r] of full column rank, r < m; right: [r, n].
InterpolativeFactors Interpolate(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_INTERPOLATIVE_H_
