#include "engine/search/item_trie.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace halfling {
namespace {

Status CheckItems(std::span<const ItemCode> items, int vocab_size) {
  if (items.empty()) {
    return Fail(ErrorCode::kEmptyCatalog, "catalogue: no items; expected at least one");
  }
  if (items.size() > static_cast<size_t>(kMaxTrieItems)) {
    return Fail(ErrorCode::kTooLarge, "catalogue: " + std::to_string(items.size()) +
                                          " items; expected at most " +
                                          std::to_string(kMaxTrieItems));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const std::vector<int>& tokens = items[i].tokens;
    if (tokens.empty() || tokens.size() > static_cast<size_t>(kMaxCodeLength)) {
      return Fail(ErrorCode::kInvalidCatalog, "catalogue: item " + std::to_string(i) +
                                                  ": a code of " + std::to_string(tokens.size()) +
                                                  " tokens; expected 1 to " +
                                                  std::to_string(kMaxCodeLength));
    }
    for (const int token : tokens) {
      if (token < 0 || token >= vocab_size) {
        return Fail(ErrorCode::kInvalidCatalog,
                    "catalogue: item " + std::to_string(i) + ": token " + std::to_string(token) +
                        "; expected an id from 0 to " + std::to_string(vocab_size - 1));
      }
    }
  }
  return {};
}

// Item indices so that each node's items are one run: by code (a prefix before what it begins),
// then most popular first, then by index.
std::vector<int> SortItems(std::span<const ItemCode> items) {
  std::vector<int> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const ItemCode& x = items[static_cast<size_t>(a)];
    const ItemCode& y = items[static_cast<size_t>(b)];
    if (x.tokens != y.tokens) return x.tokens < y.tokens;
    return x.popularity != y.popularity ? x.popularity > y.popularity : a < b;
  });
  return order;
}

}  // namespace

Result<ItemTrie> ItemTrie::Build(std::span<const ItemCode> items, int vocab_size) {
  HALFLING_RETURN_IF_ERROR(CheckItems(items, vocab_size));
  ItemTrie trie;
  trie.num_items_ = static_cast<int>(items.size());
  trie.items_ = SortItems(items);
  trie.places_.resize(items.size());
  for (size_t place = 0; place < items.size(); ++place) {
    trie.places_[static_cast<size_t>(trie.items_[place])] = static_cast<int>(place);
  }
  const auto code = [&](int place) -> const std::vector<int>& {
    return items[static_cast<size_t>(trie.item_at(place))].tokens;
  };

  // The nodes of the level before, [level_begin, level_end), get their children; their codes share
  // `depth` tokens.
  trie.tokens_.push_back(-1);
  trie.parents_.push_back(-1);
  trie.first_place_.push_back(0);
  trie.last_place_.push_back(trie.num_items_);
  size_t depth = 0;
  for (int level_begin = 0, level_end = 1; level_begin < level_end; ++depth) {
    for (int node = level_begin; node < level_end; ++node) {
      trie.first_child_.push_back(trie.num_nodes());
      const int end = trie.last_place(node);
      int place = trie.first_place(node);
      while (place < end && code(place).size() == depth) ++place;
      while (place < end) {
        const int token = code(place)[depth];
        trie.tokens_.push_back(token);
        trie.parents_.push_back(node);
        trie.first_place_.push_back(place);
        while (place < end && code(place)[depth] == token) ++place;
        trie.last_place_.push_back(place);
      }
    }
    level_begin = std::exchange(level_end, trie.num_nodes());
  }
  trie.first_child_.push_back(trie.num_nodes());
  return trie;
}

std::span<const int> ItemTrie::child_tokens(int node) const {
  return std::span(tokens_).subspan(static_cast<size_t>(first_child(node)),
                                    static_cast<size_t>(last_child(node) - first_child(node)));
}

int ItemTrie::first_place_below(int node) const {
  return first_child(node) < last_child(node) ? first_place(first_child(node)) : last_place(node);
}

std::span<const int> ItemTrie::items(int node) const {
  return std::span(items_).subspan(
      static_cast<size_t>(first_place(node)),
      static_cast<size_t>(first_place_below(node) - first_place(node)));
}

int ItemTrie::node_of(int item) const {
  const int place = place_of(item);
  int node = 0;
  while (place >= first_place_below(node)) {
    // The last child that begins at or before the place.
    const auto first = first_place_.begin() + first_child(node);
    const auto last = first_place_.begin() + last_child(node);
    node = static_cast<int>(std::upper_bound(first, last, place) - first_place_.begin()) - 1;
  }
  return node;
}

}  // namespace halfling
