// Which items a request may return, as a mask on the trie: branches without an allowed item are
// pruned before the search, so a filter never costs a result.
#ifndef HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_
#define HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/search/item_trie.h"

namespace halfling {

// A bit for each item, at its place in the trie's order of codes: a node's items are a range of
// bits, so nothing needs to be counted or filled for each node. A million items are 125 kB.
class ItemFilter {
 public:
  static constexpr int kWordBits = 64;

  // Everything is allowed.
  explicit ItemFilter(const ItemTrie& trie);

  // Indices must be within the catalogue (callers check). Excluding twice is harmless.
  void Exclude(std::span<const int> items);
  // Everything that is not listed becomes excluded.
  void AllowOnly(std::span<const int> items);

  bool allows_item(int item) const { return allows_place(trie_->place_of(item)); }
  bool allows_place(int place) const {
    return (words_[static_cast<size_t>(place / kWordBits)] >> (place % kWordBits) & 1u) != 0;
  }
  // Whether any allowed item's code passes through or ends at `node`.
  bool allows_node(int node) const {
    return AllowsAny(trie_->first_place(node), trie_->last_place(node));
  }
  // Whether any allowed item's code goes on beyond `node`.
  bool allows_below(int node) const {
    return AllowsAny(trie_->first_place_below(node), trie_->last_place(node));
  }
  int num_allowed() const;

  // Bit place % kWordBits of word place / kWordBits; zero beyond the last item.
  std::span<const uint64_t> words() const { return words_; }

 private:
  bool AllowsAny(int first_place, int last_place) const;

  const ItemTrie* trie_;
  std::vector<uint64_t> words_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_ITEM_FILTER_H_
