// Grouped-query attention of one token over the cached keys and values that it may see.
#ifndef HALFLING_ENGINE_LAYERS_ATTENTION_H_
#define HALFLING_ENGINE_LAYERS_ATTENTION_H_

#include <cstddef>
#include <span>
#include <vector>

namespace halfling {

struct AttentionShape {
  size_t num_heads = 0;
  size_t num_kv_heads = 0;  // num_heads is a multiple: query head h reads kv head h / group
  size_t head_dim = 0;
};

// What a token sees, itself included: the slots [trunk_begin, trunk_end), then those of its branch.
struct VisibleTokens {
  const float* keys = nullptr;    // [slots, num_kv_heads * head_dim], after RoPE
  const float* values = nullptr;  // [slots, num_kv_heads * head_dim]
  size_t trunk_begin = 0;
  size_t trunk_end = 0;
  std::span<const int> branch;

  size_t count() const { return trunk_end - trunk_begin + branch.size(); }
};

// Per head, attended = softmax(query keys^T / sqrt(head_dim)) values; both [num_heads * head_dim].
// Sums run over the visible tokens in their order, so a token's result is the same bits whether its
// context lies in the trunk or in a branch. `scores` is scratch.
void Attend(const AttentionShape& shape, std::span<const float> query,
            const VisibleTokens& visible, std::vector<float>& scores, std::span<float> attended);

}  // namespace halfling

#endif  // HALFLING_ENGINE_LAYERS_ATTENTION_H_
