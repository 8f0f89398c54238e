#include "engine/search/item_filter.h"

#include <bit>

namespace halfling {
namespace {

uint64_t Bit(int place) { return uint64_t{1} << (place % ItemFilter::kWordBits); }

size_t Word(int place) { return static_cast<size_t>(place / ItemFilter::kWordBits); }

// The bits from `place` on, and those before it, within its word.
uint64_t BitsFrom(int place) { return ~uint64_t{0} << (place % ItemFilter::kWordBits); }
uint64_t BitsBefore(int place) { return ~BitsFrom(place); }

}  // namespace

ItemFilter::ItemFilter(const ItemTrie& trie)
    : trie_(&trie), words_(Word(trie.num_items()) + 1, ~uint64_t{0}) {
  words_.back() = BitsBefore(trie.num_items());
}

void ItemFilter::Exclude(std::span<const int> items) {
  for (const int item : items) {
    const int place = trie_->place_of(item);
    words_[Word(place)] &= ~Bit(place);
  }
}

void ItemFilter::AllowOnly(std::span<const int> items) {
  std::vector<uint64_t> listed(words_.size(), 0);
  for (const int item : items) {
    const int place = trie_->place_of(item);
    listed[Word(place)] |= Bit(place);
  }
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= listed[i];
}

bool ItemFilter::AllowsAny(int first_place, int last_place) const {
  if (first_place >= last_place) return false;
  const size_t last = Word(last_place);
  size_t word = Word(first_place);
  uint64_t bits = words_[word] & BitsFrom(first_place);
  while (bits == 0 && word < last) bits = words_[++word];
  if (word == last) bits &= BitsBefore(last_place);
  return bits != 0;
}

int ItemFilter::num_allowed() const {
  int count = 0;
  for (const uint64_t word : words_) count += std::popcount(word);
  return count;
}

}  // namespace halfling
