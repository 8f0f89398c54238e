#include "compressor/stages/choose_ranks.h"

#include <algorithm>
#include <cmath>

namespace halfling {

size_t UniformRank(double keep, size_t out_dim, size_t in_dim) {
  if (keep >= 1.0) return kStaysDense;
  const auto m = static_cast<double>(out_dim);
  const auto n = static_cast<double>(in_dim);
  const auto rank = std::max(size_t{1}, static_cast<size_t>(keep * m * n / (m + n)));
  return rank * (out_dim + in_dim) < out_dim * in_dim ? rank : kStaysDense;
}

RankPlan ChooseUniformRanks(const ModelWeights& weights, double keep) {
  RankPlan plan;
  for (const LayerWeights& layer : weights.layers) {
    LayerRanks ranks{};
    for (const LinearKind kind : kLinearKinds) {
      const Linear& linear = layer.linear(kind);
      ranks[static_cast<size_t>(kind)] = UniformRank(keep, linear.out_dim(), linear.in_dim());
    }
    plan.push_back(ranks);
  }
  return plan;
}

}  // namespace halfling
