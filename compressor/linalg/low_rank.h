// Low-rank approximation of a weight W [m, n], plain and with respect to its inputs X [n, T].
#ifndef HALFLING_COMPRESSOR_LINALG_LOW_RANK_H_
#define HALFLING_COMPRESSOR_LINALG_LOW_RANK_H_

#include <Eigen/Core>

#include "engine/base/result.h"

namespace halfling {

struct LowRankFactors {
  Eigen::MatrixXd left;             // A [m, rank]
  Eigen::MatrixXd right;            // B [rank, n]; A B approximates W
  Eigen::VectorXd singular_values;  // all min(m, n) of what was decomposed, falling
};

// The best rank-r approximation in the Frobenius norm (Eckart-Young): W = U S V^T,
// A = U_r S_r^1/2, B = S_r^1/2 V_r^T. `rank` is in 1 … min(m, n).
LowRankFactors TruncateSvd(const Eigen::MatrixXd& weight, Eigen::Index rank);

// The best rank-r approximation for the inputs that the weight sees, min ||(W - A B) X||_F, after
// SVD-LLM (arXiv 2403.07378, section 3.1): with X X^T = L L^T (`lower` is L, [n, n]) that error is
// ||(W - A B) L||_F, so W L = U S V^T is truncated and L undone: A = U_r S_r^1/2,
// B = S_r^1/2 V_r^T L^-1. The error is the root of the sum of the discarded squared singular
// values.
LowRankFactors TruncateWhitenedSvd(const Eigen::MatrixXd& weight, const Eigen::MatrixXd& lower,
                                   Eigen::Index rank);

// argmin over A of ||Y - A Z||_F, by the normal equations: A = (Y Z^T) (Z Z^T)^-1.
// outputs_by_codes: Y Z^T [m, r]; code_gram: Z Z^T [r, r]. `what` is for messages.
Result<Eigen::MatrixXd> SolveLeftFactor(const Eigen::MatrixXd& outputs_by_codes,
                                        const Eigen::MatrixXd& code_gram, const char* what);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_LOW_RANK_H_
