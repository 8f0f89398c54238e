// The best items found so far, and what is still good enough to join them.
#ifndef HALFLING_ENGINE_SEARCH_BEST_ITEMS_H_
#define HALFLING_ENGINE_SEARCH_BEST_ITEMS_H_

#include <cstddef>
#include <vector>

#include "engine/search/item_boosts.h"
#include "engine/search/item_filter.h"
#include "engine/search/item_trie.h"

namespace halfling {

struct ScoredItem {
  int item = 0;
  float score = 0;            // what items are ranked by: log_probability plus the item's boost
  float log_probability = 0;  // natural, at most 0
};

// Keeps the `limit` best of the items that it is given. Equal scores are in the trie's order:
// shorter codes first, then by token ids; items of one code most popular first, then by index.
// Refers to all that it is made of.
class BestItems {
 public:
  BestItems(const ItemTrie& trie, const ItemFilter& filter, const ItemBoosts& boosts, int limit)
      : trie_(trie), filter_(filter), boosts_(boosts), limit_(static_cast<size_t>(limit)) {}

  // The allowed items whose code ends at `node`, a code of this log-probability.
  void AddItemsAt(int node, float log_probability);

  // Whether an item of that score, whose code ends at node `first_node` or a later one and was not
  // added, would be among the best.
  bool WouldTake(float score, int first_node) const;

  // Best first.
  std::vector<ScoredItem> Take() &&;

 private:
  struct Entry {
    ScoredItem scored;
    int node;
    int place;
  };
  static bool IsBetter(const Entry& a, const Entry& b);

  const ItemTrie& trie_;
  const ItemFilter& filter_;
  const ItemBoosts& boosts_;
  size_t limit_;
  std::vector<Entry> entries_;  // a heap with the worst at its top
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_BEST_ITEMS_H_
