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

// The best rank-r map from inputs X to outputs Y that are wanted, min ||Y - A B X||_F: reduced-rank
// regression (Izenman, 1975). With X X^T = L L^T (`lower`) and C = Y X^T (`cross`, [m, n]) the
// unrestricted solution is C (L L^T)^-1, so M = C L^-T = U S V^T is truncated and L undone as
// above. The error squared is that of the unrestricted solution plus the discarded squared singular
// values.
LowRankFactors TruncateRegression(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& lower,
                                  Eigen::Index rank);

// The same without a bound on the rank, C (L L^T)^-1.
Eigen::MatrixXd Regress(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& lower);

// The left factor refitted to a given right one, argmin over A of ||Y - A B X||_F =
// C B^T (B G B^T)^-1, with C = Y X^T (`cross`) and G = X X^T (`gram`). `what` is for messages.
Result<Eigen::MatrixXd> RefitLeftFactor(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& gram,
                                        const Eigen::MatrixXd& right, const char* what);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_LOW_RANK_H_
