#include "engine/search/best_items.h"

#include <algorithm>

namespace halfling {

bool BestItems::IsBetter(const Entry& a, const Entry& b) {
  if (a.scored.score != b.scored.score) return a.scored.score > b.scored.score;
  return a.node != b.node ? a.node < b.node : a.place < b.place;
}

bool BestItems::WouldTake(float score, int first_node) const {
  if (entries_.size() < limit_) return limit_ > 0;
  const Entry& worst = entries_.front();
  return score != worst.scored.score ? score > worst.scored.score : first_node < worst.node;
}

void BestItems::AddItemsAt(int node, float log_probability) {
  const int last_place = trie_.first_place_below(node);
  for (int place = trie_.first_place(node); place < last_place; ++place) {
    if (!filter_.allows_place(place)) continue;
    const int item = trie_.item_at(place);
    const float score = log_probability + boosts_.of_item(item);
    const Entry entry = {{item, score, log_probability}, node, place};
    if (entries_.size() >= limit_) {
      if (limit_ == 0 || !IsBetter(entry, entries_.front())) {
        if (boosts_.empty()) return;  // what follows is not better
        continue;
      }
      std::pop_heap(entries_.begin(), entries_.end(), IsBetter);
      entries_.pop_back();
    }
    entries_.push_back(entry);
    std::push_heap(entries_.begin(), entries_.end(), IsBetter);
  }
}

std::vector<ScoredItem> BestItems::Take() && {
  std::sort(entries_.begin(), entries_.end(), IsBetter);
  std::vector<ScoredItem> items;
  items.reserve(entries_.size());
  for (const Entry& entry : entries_) items.push_back(entry.scored);
  return items;
}

}  // namespace halfling
