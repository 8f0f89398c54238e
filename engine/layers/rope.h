// Rotary position embedding (Su et al., 2021), as transformers computes it: the first half of a
// head is rotated against the second half.
#ifndef HALFLING_ENGINE_LAYERS_ROPE_H_
#define HALFLING_ENGINE_LAYERS_ROPE_H_

#include <span>
#include <vector>

namespace halfling {

struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3 };
  Kind kind = Kind::kNone;
  double factor = 1.0;
  // llama3 only.
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int original_max_position_embeddings = 8192;

  bool operator==(const RopeScaling&) const = default;
};

// Cosines and sines by position. Immutable; shared by all threads. The same bits on every platform:
// no function of libm takes part.
class RopeTable {
 public:
  // head_dim is even; rows of the first min(max_positions, kCachedPositions) are computed here.
  RopeTable(int head_dim, double theta, const RopeScaling& scaling, int max_positions);

  // Rotates each head of `heads`, [any number of heads * head_dim], to `position`. `buffer` is
  // scratch.
  void Rotate(int position, std::span<float> heads, std::vector<float>& buffer) const;

  // Angle per position of each pair of dimensions: [head_dim / 2]
  std::span<const float> frequencies() const { return frequencies_; }

 private:
  static constexpr int kCachedPositions = 1024;

  // row: [head_dim]: cosines of the head_dim / 2 angles, then their sines.
  void ComputeRow(int position, std::span<float> row) const;

  std::vector<float> frequencies_;
  int cached_positions_ = 0;
  std::vector<float> rows_;  // [cached_positions_, head_dim]
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_ROPE_H_
