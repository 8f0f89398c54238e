#include "engine/search/item_boosts.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace halfling {

ItemBoosts::ItemBoosts(const ItemTrie& trie, const ItemFilter& filter,
                       std::span<const float> boosts)
    : trie_(&trie), filter_(&filter), boosts_(boosts) {
  if (empty()) return;
  // In the order of the items, not of their places: then all that is read here and there, bits and
  // maxima, is small enough for a cache.
  word_max_.assign(filter.words().size(), kNothing);
  for (int item = 0; item < trie.num_items(); ++item) {
    const int place = trie.place_of(item);
    if (!filter.allows_place(place)) continue;
    float& max = word_max_[static_cast<size_t>(place / ItemFilter::kWordBits)];
    max = std::max(max, of_item(item));
  }
  max_ = *std::max_element(word_max_.begin(), word_max_.end());
}

float ItemBoosts::MaxWithinWord(int first, int last) const {
  const int word = first / ItemFilter::kWordBits;
  uint64_t bits = filter_->words()[static_cast<size_t>(word)];
  bits &= ~uint64_t{0} << (first % ItemFilter::kWordBits);
  float max = kNothing;
  for (; bits != 0; bits &= bits - 1) {
    const int place = word * ItemFilter::kWordBits + std::countr_zero(bits);
    if (place >= last) break;
    max = std::max(max, of_item(trie_->item_at(place)));
  }
  return max;
}

float ItemBoosts::MaxBelow(int node) const {
  if (empty()) return 0.0f;
  constexpr int kBits = ItemFilter::kWordBits;
  const int first = trie_->first_place(node);
  const int last = trie_->last_place(node);
  const int first_whole = (first + kBits - 1) / kBits;  // words
  const int last_whole = last / kBits;
  if (first_whole > last_whole) return MaxWithinWord(first, last);
  float max = kNothing;
  if (first < first_whole * kBits) max = MaxWithinWord(first, first_whole * kBits);
  for (int word = first_whole; word < last_whole; ++word) {
    max = std::max(max, word_max_[static_cast<size_t>(word)]);
  }
  if (last_whole * kBits < last) max = std::max(max, MaxWithinWord(last_whole * kBits, last));
  return max;
}

}  // namespace halfling
