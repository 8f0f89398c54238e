// Which items a request may return, as a mask on the trie: branches without an allowed item are
// pruned before the search, so a filter never costs a result.
#ifndef HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_
#define HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_

#include <span>
#include <vector>

#include "engine/search/item_trie.h"

namespace halfling {

class ItemFilter {
 public:
  // Everything is allowed.
  explicit ItemFilter(const ItemTrie& trie);

  // Indices must be within the catalogue (callers check). Excluding twice is harmless.
  void Exclude(std::span<const int> items);
  // Everything that is not listed becomes excluded.
  void AllowOnly(std::span<const int> items);

  bool allows_item(int item) const { return allowed_item_[static_cast<size_t>(item)] != 0; }
  // Whether any allowed item's code passes through or ends at `node`.
  bool allows_node(int node) const { return allowed_below_[static_cast<size_t>(node)] > 0; }
  int num_allowed() const { return allowed_below_[0]; }

 private:
  void Disallow(int item);

  const ItemTrie* trie_;
  std::vector<char> allowed_item_;  // [num_items]
  std::vector<int> allowed_below_;  // [num_nodes]: allowed items at or below the node
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_
