// Sums of products of activations, in double.
#ifndef HALFLING_COMPRESSOR_LINALG_GRAM_H_
#define HALFLING_COMPRESSOR_LINALG_GRAM_H_

#include <Eigen/Core>

namespace halfling {

// Tokens are rows: [tokens, n].
using TokenMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// sum += x^T y; x [tokens, n], y [tokens, p], sum [n, p]. Threads share the sum by tiles, so that
// there is one sum whatever their number, and every bit of it is the same.
void AddProduct(const TokenMatrix& x, const TokenMatrix& y, int threads, Eigen::MatrixXd& sum);

// sum += x^T x, at half the cost: only the lower triangle is right until MirrorLower.
void AddGram(const TokenMatrix& x, int threads, Eigen::MatrixXd& sum);
void MirrorLower(Eigen::MatrixXd& symmetric);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_GRAM_H_
