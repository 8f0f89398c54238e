#include "engine/layers/attention.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/kernels.h"

namespace halfling {

void Attend(const AttentionShape& shape, std::span<const float> query,
            const VisibleTokens& visible, std::vector<float>& scores, std::span<float> attended) {
  const size_t kv_dim = shape.num_kv_heads * shape.head_dim;
  const size_t group = shape.num_heads / shape.num_kv_heads;
  const size_t trunk_count = visible.trunk_end - visible.trunk_begin;
  const float scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  scores.resize(visible.count());
  const std::span<float> trunk_scores = std::span(scores).first(trunk_count);
  const std::span<float> branch_scores = std::span(scores).subspan(trunk_count);

  for (size_t head = 0; head < shape.num_heads; ++head) {
    const size_t kv_offset = head / group * shape.head_dim;
    const auto trunk_rows = [&](const float* cached) {
      return kernels::Rows{cached + visible.trunk_begin * kv_dim + kv_offset, kv_dim, nullptr,
                           trunk_count};
    };
    const auto branch_rows = [&](const float* cached) {
      return kernels::Rows{cached + kv_offset, kv_dim, visible.branch.data(),
                           visible.branch.size()};
    };

    const std::span<const float> head_query = query.subspan(head * shape.head_dim, shape.head_dim);
    kernels::DotRows(head_query, trunk_rows(visible.keys), trunk_scores);
    kernels::DotRows(head_query, branch_rows(visible.keys), branch_scores);
    const float total = kernels::SoftmaxTerms(scores, scale);

    const std::span<float> out = attended.subspan(head * shape.head_dim, shape.head_dim);
    std::fill(out.begin(), out.end(), 0.0f);
    kernels::AccumulateRows(trunk_scores, trunk_rows(visible.values), out);
    kernels::AccumulateRows(branch_scores, branch_rows(visible.values), out);
    for (float& sum : out) sum /= total;
  }
}

}  // namespace halfling
