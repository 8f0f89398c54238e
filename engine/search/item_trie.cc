#include "engine/search/item_trie.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace halfling {
namespace {

Status CheckCodes(const TokenLists& codes, int vocab_size) {
  if (codes.empty()) {
    return Fail(ErrorCode::kEmptyCatalog, "catalogue: no items; expected at least one");
  }
  if (codes.size() > static_cast<size_t>(kMaxTrieItems)) {
    return Fail(ErrorCode::kTooLarge, "catalogue: ", codes.size(), " items; expected at most ",
                kMaxTrieItems);
  }
  for (size_t i = 0; i < codes.size(); ++i) {
    const std::span<const int> tokens = codes[i];
    if (tokens.empty() || tokens.size() > static_cast<size_t>(kMaxCodeLength)) {
      return Fail(ErrorCode::kInvalidCatalog, "catalogue: item ", i, ": a code of ", tokens.size(),
                  " tokens; expected 1 to ", kMaxCodeLength);
    }
    for (const int token : tokens) {
      if (token < 0 || token >= vocab_size) {
        return Fail(ErrorCode::kInvalidCatalog, "catalogue: item ", i, ": token ", token,
                    "; expected an id from 0 to ", vocab_size - 1);
      }
    }
  }
  return {};
}

// Sorts the items by their tokens at `depth`, those without one first; stable.
void SortByToken(const TokenLists& codes, size_t depth, std::vector<int>& items,
                 std::vector<int>& scratch) {
  const auto key = [&](int item) {
    const std::span<const int> code = codes[static_cast<size_t>(item)];
    return depth < code.size() ? static_cast<size_t>(code[depth]) + 1 : 0;
  };
  std::vector<int> begins;  // of each key's items
  for (const int item : items) {
    const size_t k = key(item);
    if (k + 2 > begins.size()) begins.resize(k + 2);
    ++begins[k + 1];
  }
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  scratch.resize(items.size());
  for (const int item : items) scratch[static_cast<size_t>(begins[key(item)]++)] = item;
  items.swap(scratch);
}

// Item indices by code (a prefix before what it begins), then by index: each node's items are one
// run.
std::vector<int> SortItems(const TokenLists& codes) {
  std::vector<int> order(codes.size());
  std::iota(order.begin(), order.end(), 0);
  size_t longest = 0;
  for (size_t i = 0; i < codes.size(); ++i) longest = std::max(longest, codes[i].size());
  std::vector<int> scratch;
  for (size_t depth = longest; depth-- > 0;) SortByToken(codes, depth, order, scratch);
  return order;
}

}  // namespace

Result<ItemTrie> ItemTrie::Build(const TokenLists& codes, std::span<const int> popularity,
                                 int vocab_size) {
  HALFLING_RETURN_IF_ERROR(CheckCodes(codes, vocab_size));
  ItemTrie trie;
  trie.num_items_ = static_cast<int>(codes.size());
  trie.items_ = SortItems(codes);
  const auto code = [&](int place) { return codes[static_cast<size_t>(trie.item_at(place))]; };
  const auto put_most_popular_first = [&](int first_place, int last_place) {
    if (popularity.empty() || last_place - first_place < 2) return;
    std::stable_sort(
        trie.items_.begin() + first_place, trie.items_.begin() + last_place, [&](int a, int b) {
          return popularity[static_cast<size_t>(a)] > popularity[static_cast<size_t>(b)];
        });
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
      put_most_popular_first(trie.first_place(node), place);
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
  trie.places_.resize(codes.size());
  for (int place = 0; place < trie.num_items_; ++place) {
    trie.places_[static_cast<size_t>(trie.item_at(place))] = place;
  }
  for (std::vector<int>* of_nodes :
       {&trie.tokens_, &trie.parents_, &trie.first_child_, &trie.first_place_, &trie.last_place_}) {
    of_nodes->shrink_to_fit();
  }
  return trie;
}

void ItemTrie::AppendCode(int item, std::vector<int>& tokens) const {
  const auto begin = static_cast<std::ptrdiff_t>(tokens.size());
  for (int node = node_of(item); node != 0; node = parent(node)) tokens.push_back(token(node));
  std::reverse(tokens.begin() + begin, tokens.end());
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
