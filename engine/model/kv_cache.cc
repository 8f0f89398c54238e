#include "engine/model/kv_cache.h"

#include <algorithm>
#include <cassert>

namespace halfling {

KvCache::KvCache(const ModelConfig& config)
    : kv_dim_(static_cast<size_t>(config.num_kv_heads) * static_cast<size_t>(config.head_dim)),
      keys_(static_cast<size_t>(config.num_layers)),
      values_(static_cast<size_t>(config.num_layers)) {}

int KvCache::Append(int token, int parent) {
  const int slot = num_slots();
  assert(parent == kNoParent || (parent >= 0 && parent < slot));
  if (parent == slot - 1 && trunk_length_ == slot) ++trunk_length_;  // kNoParent is -1
  parents_.push_back(parent);
  positions_.push_back(parent == kNoParent ? 0 : position(parent) + 1);
  tokens_.push_back(token);
  for (auto* cached : {&keys_, &values_}) {
    for (std::vector<float>& layer : *cached) layer.resize(parents_.size() * kv_dim_);
  }
  return slot;
}

void KvCache::Truncate(int num_slots) {
  assert(num_slots >= 0 && num_slots <= trunk_length_);
  const size_t count = static_cast<size_t>(num_slots);
  trunk_length_ = num_slots;
  parents_.resize(count);
  positions_.resize(count);
  tokens_.resize(count);
  for (auto* cached : {&keys_, &values_}) {
    for (std::vector<float>& layer : *cached) layer.resize(count * kv_dim_);
  }
}

std::span<float> KvCache::key(int layer, int slot) {
  return {keys_[static_cast<size_t>(layer)].data() + static_cast<size_t>(slot) * kv_dim_, kv_dim_};
}

std::span<float> KvCache::value(int layer, int slot) {
  return {values_[static_cast<size_t>(layer)].data() + static_cast<size_t>(slot) * kv_dim_,
          kv_dim_};
}

std::span<const float> KvCache::key(int layer, int slot) const {
  return {keys_[static_cast<size_t>(layer)].data() + static_cast<size_t>(slot) * kv_dim_, kv_dim_};
}

std::span<const float> KvCache::value(int layer, int slot) const {
  return {values_[static_cast<size_t>(layer)].data() + static_cast<size_t>(slot) * kv_dim_,
          kv_dim_};
}

void KvCache::BranchOf(int slot, std::vector<int>& branch) const {
  branch.clear();
  for (; slot >= trunk_length_; slot = parent(slot)) branch.push_back(slot);
  std::reverse(branch.begin(), branch.end());
}

}  // namespace halfling
