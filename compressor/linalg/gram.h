// Sums of products of activations, in double.
#ifndef HALFLING_COMPRESSOR_LINALG_GRAM_H_
#define HALFLING_COMPRESSOR_LINALG_GRAM_H_

#include <Eigen/Core>

#include "engine/tensor/tensor.h"

namespace halfling {

// Accumulates X X^T over batches of tokens. Rows wait in a buffer, since the product of a few
// tokens is bound by the memory of the [n, n] sum and not by arithmetic. Not thread-safe.
class GramAccumulator {
 public:
  GramAccumulator() = default;

  // x: [tokens, n]: tokens are rows, so this adds x^T x. The same n every time.
  void Add(const Matrix& x);
  // Adds what `other` has seen, and empties it.
  void Merge(GramAccumulator& other);
  // The sum so far, [n, n], both triangles; empty when nothing was added.
  Eigen::MatrixXd Sum();

 private:
  void Flush();

  Eigen::MatrixXd lower_;   // [n, n], lower triangle
  Eigen::MatrixXd buffer_;  // [n, kBufferedTokens], a column a token
  Eigen::Index buffered_ = 0;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_LINALG_GRAM_H_
