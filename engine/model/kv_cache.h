// Keys and values of the tokens seen so far, as a tree: a trunk (the prompt) that a session keeps
// between calls, and branches (the beams) that share it without a copy.
#ifndef HALFLING_ENGINE_MODEL_KV_CACHE_H_
#define HALFLING_ENGINE_MODEL_KV_CACHE_H_

#include <span>
#include <vector>

#include "engine/model/config.h"
#include "engine/tensor/tensor.h"

namespace halfling {

inline constexpr int kNoParent = -1;

// A slot holds one token's keys and values in every layer. A slot's parent is the token before it;
// its position is its depth in the tree. Slots 0 … trunk_length-1 form a chain. Not thread-safe:
// one cache per session.
class KvCache {
 public:
  explicit KvCache(const ModelConfig& config);

  int num_slots() const { return static_cast<int>(parents_.size()); }
  int trunk_length() const { return trunk_length_; }
  int position(int slot) const { return positions_[static_cast<size_t>(slot)]; }
  int token(int slot) const { return tokens_[static_cast<size_t>(slot)]; }
  int parent(int slot) const { return parents_[static_cast<size_t>(slot)]; }

  // Adds a slot and returns its index. `parent` is kNoParent for the first token, and for that of
  // another sequence, which sees nothing of those before it. The trunk grows while each new slot's
  // parent is the slot before it and nothing has branched yet.
  int Append(int token, int parent);

  // Forgets all slots from `num_slots` on; what remains must be within the trunk.
  void Truncate(int num_slots);

  // [kv_dim] = [num_kv_heads * head_dim], after RoPE for the keys.
  std::span<float> key(int layer, int slot);
  std::span<float> value(int layer, int slot);
  std::span<const float> key(int layer, int slot) const;
  std::span<const float> value(int layer, int slot) const;

  // The slots that `slot` attends to beyond the trunk, oldest first, `slot` itself last.
  void BranchOf(int slot, std::vector<int>& branch) const;

 private:
  size_t kv_dim_;
  int trunk_length_ = 0;
  std::vector<int> parents_;
  std::vector<int> positions_;
  std::vector<int> tokens_;
  std::vector<std::vector<float>> keys_;    // per layer: [slots, kv_dim]
  std::vector<std::vector<float>> values_;  // per layer: [slots, kv_dim]
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_KV_CACHE_H_
