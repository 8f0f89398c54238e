#include "engine/search/item_filter.h"

namespace halfling {

ItemFilter::ItemFilter(const ItemTrie& trie)
    : trie_(&trie),
      allowed_item_(static_cast<size_t>(trie.num_items()), 1),
      allowed_below_(static_cast<size_t>(trie.num_nodes()), 0) {
  // Children have higher indices than their parent, so each is complete before it is added.
  for (int node = trie.num_nodes() - 1; node >= 0; --node) {
    int& allowed = allowed_below_[static_cast<size_t>(node)];
    allowed += static_cast<int>(trie.items(node).size());
    if (node > 0) allowed_below_[static_cast<size_t>(trie.parent(node))] += allowed;
  }
}

void ItemFilter::Exclude(std::span<const int> items) {
  for (const int item : items) Disallow(item);
}

void ItemFilter::AllowOnly(std::span<const int> items) {
  std::vector<char> listed(allowed_item_.size(), 0);
  for (const int item : items) listed[static_cast<size_t>(item)] = 1;
  for (size_t item = 0; item < listed.size(); ++item) {
    if (listed[item] == 0) Disallow(static_cast<int>(item));
  }
}

void ItemFilter::Disallow(int item) {
  char& allowed = allowed_item_[static_cast<size_t>(item)];
  if (allowed == 0) return;
  allowed = 0;
  for (int node = trie_->node_of(item); node >= 0; node = trie_->parent(node)) {
    --allowed_below_[static_cast<size_t>(node)];
  }
}

}  // namespace halfling
