// Rounding a weight to few bits so that its outputs suffer least.
#ifndef HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_
#define HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_

#include <Eigen/Core>

#include "engine/base/result.h"
#include "engine/tensor/stored_matrix.h"

namespace halfling {

// W [m, n] in int8 (a scale a row, integers within -largest … largest) or int4 (a scale for each 32 columns of a row), rounded column
// by column; what a column's rounding does to the outputs W X is made good, as far as they
// correlate, by the columns after it (GPTQ, arXiv 2210.17323; X X^T = gram [n, n], damped by 1% of
// its mean diagonal as there). kInvalidRequest, naming `what`, as FactorCovariance.
Result<Int8Matrix> RoundToInt8(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& gram,
                               int largest, const char* what);
Result<Int4Matrix> RoundToInt4(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& gram,
                               const char* what);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_COMPENSATED_ROUNDING_H_
