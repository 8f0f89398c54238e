// y = W x + b, with W dense or a product of two factors.
#ifndef HALFLING_ENGINE_LAYERS_LINEAR_H_
#define HALFLING_ENGINE_LAYERS_LINEAR_H_

#include <span>
#include <variant>
#include <vector>

#include "engine/kernels/packed_matrix.h"
#include "engine/tensor/tensor.h"

namespace halfling {

// W: [out_dim, in_dim]
struct DenseLinear {
  PackedMatrix weight;
};

// W = left * right, left: [out_dim, rank], right: [rank, in_dim]
struct LowRankLinear {
  PackedMatrix left;
  PackedMatrix right;
};

// Immutable after construction; Apply may run on several threads, each with its own scratch.
class Linear {
 public:
  Linear() = default;
  // Weights are row-major; `bias` is empty or out_dim long.
  static Linear Dense(const Matrix& weight, std::vector<float> bias = {});
  static Linear LowRank(const Matrix& left, const Matrix& right, std::vector<float> bias = {});

  size_t in_dim() const;
  size_t out_dim() const;
  size_t rank() const;             // min(in_dim, out_dim) when dense
  bool is_low_rank() const;
  size_t num_parameters() const;   // bias included

  // The effective weight, row-major [out_dim, in_dim] (left * right when low-rank).
  Matrix Unpack() const;
  // The factors, row-major; only when is_low_rank().
  Matrix UnpackLeft() const;
  Matrix UnpackRight() const;
  std::span<const float> bias() const { return bias_; }

  // x: [tokens, in_dim] -> y: [tokens, out_dim], resized. `scratch` is any matrix to reuse.
  void Apply(const Matrix& x, Matrix& y, Matrix& scratch) const;

 private:
  std::variant<DenseLinear, LowRankLinear> weight_;
  std::vector<float> bias_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_LINEAR_H_
