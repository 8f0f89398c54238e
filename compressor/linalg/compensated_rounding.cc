#include "compressor/linalg/compensated_rounding.h"

#include <algorithm>
#include <cmath>

#include "compressor/linalg/cholesky.h"

namespace halfling {
namespace {

constexpr double kDamping = 0.01;
constexpr double kInt4Limit = 7;
constexpr uint8_t kInt4Zeros = 0x88;  // two zeros

// Columns whose errors are spread over those beyond them at once: whole groups of int4.
constexpr Eigen::Index kStrip = 64;
static_assert(kStrip % kInt4GroupSize == 0);

// The inverse of a lower triangular matrix, a strip of columns at a time: a strip has nothing above
// its first row.
Eigen::MatrixXd InvertLower(const Eigen::MatrixXd& lower) {
  const Eigen::Index n = lower.rows();
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(n, n);
  for (Eigen::Index begin = 0; begin < n; begin += kStrip) {
    const Eigen::Index rest = n - begin;
    auto strip = inverse.block(begin, begin, rest, std::min(kStrip, rest));
    lower.bottomRightCorner(rest, rest).triangularView<Eigen::Lower>().solveInPlace(strip);
  }
  return inverse;
}

// Calls round(j, remaining, rounded) for each column j in order, which gives the values that column
// j of `remaining` becomes; then moves the error on. Columns beyond the strip at hand hear of it at
// the strip's end, in one product.
template <typename Round>
void RoundColumns(Eigen::MatrixXd remaining, const Eigen::MatrixXd& compensation,
                  const Round& round) {
  const Eigen::Index n = remaining.cols();
  Eigen::VectorXd rounded(remaining.rows());
  Eigen::MatrixXd errors(remaining.rows(), kStrip);
  for (Eigen::Index begin = 0; begin < n; begin += kStrip) {
    const Eigen::Index end = std::min(begin + kStrip, n);
    for (Eigen::Index j = begin; j < end; ++j) {
      round(j, remaining, rounded);
      auto error = errors.col(j - begin);
      error = (remaining.col(j) - rounded) / compensation(j, j);
      remaining.middleCols(j + 1, end - j - 1).noalias() -=
          error * compensation.row(j).segment(j + 1, end - j - 1);
    }
    remaining.rightCols(n - end).noalias() -=
        errors.leftCols(end - begin) * compensation.block(begin, end, end - begin, n - end);
  }
}

// The integer of least distance to value / scale within [-limit, limit]; 0 where scale is, and where
// a weight beyond what scales can say has made it or the value infinite.
int NearestInteger(double value, float scale, double limit) {
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(value)) return 0;
  const double quotient = std::nearbyint(value / static_cast<double>(scale));
  return static_cast<int>(std::clamp(quotient, -limit, limit));
}

// 0 for 0, also of an infinite scale.
double Times(int q, float scale) { return q == 0 ? 0.0 : q * static_cast<double>(scale); }

// The scales of the group of columns that begins at `first`, from what the columns are by now.
void SetGroupScales(const Eigen::MatrixXd& remaining, Eigen::Index first, Int4Matrix& result) {
  const Eigen::Index size =
      std::min(static_cast<Eigen::Index>(kInt4GroupSize), remaining.cols() - first);
  const size_t group = static_cast<size_t>(first) / kInt4GroupSize;
  for (Eigen::Index i = 0; i < remaining.rows(); ++i) {
    const double largest = remaining.row(i).segment(first, size).cwiseAbs().maxCoeff();
    result.scales[static_cast<size_t>(i) * result.groups_per_row() + group] =
        RoundToF16(static_cast<float>(largest / kInt4Limit));
  }
}

}  // namespace

Result<RoundingCompensation> RoundingCompensation::Create(const Eigen::MatrixXd& gram,
                                                          const char* what) {
  const Eigen::Index n = gram.rows();
  // U is the inverse of R in gram = R R^T, R upper triangular: the Cholesky factor from the other
  // end.
  Eigen::MatrixXd reversed = gram.reverse();
  reversed.diagonal().array() += kDamping * gram.trace() / static_cast<double>(n);
  HALFLING_ASSIGN_OR_RETURN(const CholeskyFactor factor, FactorCovariance(reversed, what));
  return RoundingCompensation(InvertLower(factor.lower).reverse());
}

Int8Matrix RoundingCompensation::ToInt8(const Eigen::MatrixXd& weight, int largest) const {
  Int8Matrix result{static_cast<size_t>(weight.rows()), static_cast<size_t>(weight.cols()), {}, {}};
  result.values.resize(result.rows * result.cols);
  for (Eigen::Index i = 0; i < weight.rows(); ++i) {
    result.scales.push_back(static_cast<float>(weight.row(i).cwiseAbs().maxCoeff() / largest));
  }
  RoundColumns(weight, upper_,
               [&](Eigen::Index j, const Eigen::MatrixXd& remaining, Eigen::VectorXd& rounded) {
                 for (size_t i = 0; i < result.rows; ++i) {
                   const auto row = static_cast<Eigen::Index>(i);
                   const int q = NearestInteger(remaining(row, j), result.scales[i], largest);
                   result.values[i * result.cols + static_cast<size_t>(j)] = static_cast<int8_t>(q);
                   rounded[row] = Times(q, result.scales[i]);
                 }
               });
  return result;
}

Int4Matrix RoundingCompensation::ToInt4(const Eigen::MatrixXd& weight) const {
  Int4Matrix result{static_cast<size_t>(weight.rows()), static_cast<size_t>(weight.cols()), {}, {}};
  result.packed.assign(result.rows * result.bytes_per_row(), kInt4Zeros);
  result.scales.resize(result.rows * result.groups_per_row());
  RoundColumns(weight, upper_,
               [&](Eigen::Index j, const Eigen::MatrixXd& remaining, Eigen::VectorXd& rounded) {
                 const auto column = static_cast<size_t>(j);
                 if (column % kInt4GroupSize == 0) SetGroupScales(remaining, j, result);
                 for (Eigen::Index i = 0; i < weight.rows(); ++i) {
                   const auto row = static_cast<size_t>(i);
                   const float scale =
                       result.scales[row * result.groups_per_row() + column / kInt4GroupSize];
                   const int q = NearestInteger(remaining(i, j), scale, kInt4Limit);
                   uint8_t& pair = result.packed[row * result.bytes_per_row() + column / 2];
                   pair = static_cast<uint8_t>(pair + (q << (column % 2 * 4)));
                   rounded[i] = Times(q, scale);
                 }
               });
  return result;
}

}  // namespace halfling
