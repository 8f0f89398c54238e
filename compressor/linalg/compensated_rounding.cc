#include "compressor/linalg/compensated_rounding.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "compressor/linalg/cholesky.h"

namespace halfling {
namespace {

constexpr double kDamping = 0.01;
constexpr double kInt4Limit = 7;
constexpr uint8_t kInt4Zeros = 0x88;  // two zeros

// Upper triangular U with (gram + damping)^-1 = U^T U: row j, from the diagonal on, says how the
// outputs' loss by an error in column j spreads best over the columns after it.
Result<Eigen::MatrixXd> Compensation(Eigen::MatrixXd gram, const char* what) {
  const Eigen::Index n = gram.rows();
  gram.diagonal().array() += kDamping * gram.trace() / static_cast<double>(n);
  HALFLING_ASSIGN_OR_RETURN(const CholeskyFactor factor, FactorCovariance(gram, what));
  Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(n, n);
  factor.lower.triangularView<Eigen::Lower>().solveInPlace(inverse);
  inverse = inverse.transpose() * inverse;
  return Eigen::MatrixXd(inverse.llt().matrixU());
}

// Calls round(j, remaining, rounded) for each column j in order, which gives the values that column
// j of `remaining` becomes; then moves the error on.
template <typename Round>
void RoundColumns(Eigen::MatrixXd remaining, const Eigen::MatrixXd& compensation,
                  const Round& round) {
  const Eigen::Index n = remaining.cols();
  Eigen::VectorXd rounded(remaining.rows());
  for (Eigen::Index j = 0; j < n; ++j) {
    round(j, remaining, rounded);
    const Eigen::VectorXd error = (remaining.col(j) - rounded) / compensation(j, j);
    remaining.rightCols(n - j - 1).noalias() -= error * compensation.row(j).tail(n - j - 1);
  }
}

// The integer of least distance to value / scale within [-limit, limit]; 0 where scale is.
int NearestInteger(double value, float scale, double limit) {
  if (!(scale > 0)) return 0;
  const double quotient = std::nearbyint(value / static_cast<double>(scale));
  return static_cast<int>(std::clamp(quotient, -limit, limit));
}

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

Result<Int8Matrix> RoundToInt8(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& gram,
                               int largest, const char* what) {
  HALFLING_ASSIGN_OR_RETURN(const Eigen::MatrixXd compensation, Compensation(gram, what));
  Int8Matrix result{static_cast<size_t>(weight.rows()), static_cast<size_t>(weight.cols()), {}, {}};
  result.values.resize(result.rows * result.cols);
  for (Eigen::Index i = 0; i < weight.rows(); ++i) {
    result.scales.push_back(static_cast<float>(weight.row(i).cwiseAbs().maxCoeff() / largest));
  }
  RoundColumns(weight, compensation,
               [&](Eigen::Index j, const Eigen::MatrixXd& remaining, Eigen::VectorXd& rounded) {
                 for (size_t i = 0; i < result.rows; ++i) {
                   const auto row = static_cast<Eigen::Index>(i);
                   const int q = NearestInteger(remaining(row, j), result.scales[i], largest);
                   result.values[i * result.cols + static_cast<size_t>(j)] = static_cast<int8_t>(q);
                   rounded[row] = q * static_cast<double>(result.scales[i]);
                 }
               });
  return result;
}

Result<Int4Matrix> RoundToInt4(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& gram,
                               const char* what) {
  HALFLING_ASSIGN_OR_RETURN(const Eigen::MatrixXd compensation, Compensation(gram, what));
  Int4Matrix result{static_cast<size_t>(weight.rows()), static_cast<size_t>(weight.cols()), {}, {}};
  result.packed.assign(result.rows * result.bytes_per_row(), kInt4Zeros);
  result.scales.resize(result.rows * result.groups_per_row());
  RoundColumns(weight, compensation,
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
                   rounded[i] = q * static_cast<double>(scale);
                 }
               });
  return result;
}

}  // namespace halfling
