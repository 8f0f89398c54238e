// Rounding a weight to few bits so that its outputs suffer least.
#ifndef HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_
#define HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_

#include <Eigen/Core>
#include <utility>

#include "engine/base/result.h"
#include "engine/tensor/stored_matrix.h"

namespace halfling {

// Rounds weights W [m, n] to int8 (a scale a row, integers within -largest … largest) or int4 (a
// scale for each 32 columns of a row), column by column; what a column's rounding does to the outputs
// W X is made good, as far as they correlate, by the columns after it (GPTQ, arXiv 2210.17323). Serves
// all weights that share their inputs; may run in several threads at once.
class RoundingCompensation {
 public:
  // X X^T = gram [n, n], damped by 1% of its mean diagonal as in the paper. Errors are
  // FactorCovariance's.
  static Result<RoundingCompensation> Create(const Eigen::MatrixXd& gram, const char* what);

  Int8Matrix ToInt8(const Eigen::MatrixXd& weight, int largest) const;
  Int4Matrix ToInt4(const Eigen::MatrixXd& weight) const;

 private:
  explicit RoundingCompensation(Eigen::MatrixXd upper) : upper_(std::move(upper)) {}

  // U [n, n] with (gram + damping)^-1 = U^T U: row j, from the diagonal on, says how the outputs'
  // loss by an error in column j spreads best over the columns after it.
  Eigen::MatrixXd upper_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_
