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
  const int num_items = trie.num_items();
  word_max_.reserve(filter.words().size());
  for (int first = 0; first < num_items; first += ItemFilter::kWordBits) {
    word_max_.push_back(MaxWithinWord(first, std::min(first + ItemFilter::kWordBits, num_items)));
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
