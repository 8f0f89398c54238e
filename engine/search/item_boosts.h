// What a request adds to the items' log-probabilities, and how much of it a branch of the trie can
// still win.
#ifndef HALFLING_ENGINE_SEARCH_ITEM_BOOSTS_H_
#define HALFLING_ENGINE_SEARCH_ITEM_BOOSTS_H_

#include <limits>
#include <span>
#include <vector>

#include "engine/search/item_filter.h"
#include "engine/search/item_trie.h"

namespace halfling {

// Refers to all that it is made of. Making it reads each allowed item's boost once.
class ItemBoosts {
 public:
  // No boosts: 0 for every item.
  ItemBoosts() = default;
  // `boosts`: [num_items] by item, finite; or empty, the same as none. The filter must not change
  // afterwards.
  ItemBoosts(const ItemTrie& trie, const ItemFilter& filter, std::span<const float> boosts);

  bool empty() const { return boosts_.empty(); }
  float of_item(int item) const { return empty() ? 0.0f : boosts_[static_cast<size_t>(item)]; }
  // The largest boost of any allowed item; kNothing if there is none.
  float max() const { return max_; }
  // The same of those at or below `node`.
  float MaxBelow(int node) const;

  static constexpr float kNothing = -std::numeric_limits<float>::infinity();

 private:
  // Over the allowed places [first, last) of one word of the filter.
  float MaxWithinWord(int first, int last) const;

  const ItemTrie* trie_ = nullptr;
  const ItemFilter* filter_ = nullptr;
  std::span<const float> boosts_;
  std::vector<float> word_max_;  // the largest of each of the filter's words
  float max_ = 0.0f;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_ITEM_BOOSTS_H_
