#include "engine/search/item_trie.h"

#include <algorithm>
#include <numeric>
#include <string>

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
  const std::vector<int> order = SortItems(items);
  const auto code = [&](size_t i) -> const std::vector<int>& {
    return items[static_cast<size_t>(order[i])].tokens;
  };

  // A node's items, [begin, end) of `order`; they share the first `depth` tokens.
  struct Run {
    size_t begin;
    size_t end;
    size_t depth;
  };
  std::vector<Run> runs = {{0, items.size(), 0}};  // [num_nodes], breadth first as it grows
  ItemTrie trie;
  trie.num_items_ = static_cast<int>(items.size());
  trie.node_of_item_.resize(items.size());
  trie.tokens_.push_back(-1);
  trie.parents_.push_back(-1);
  for (size_t node = 0; node < runs.size(); ++node) {
    const Run run = runs[node];
    trie.first_child_.push_back(static_cast<int>(runs.size()));
    trie.first_item_.push_back(static_cast<int>(trie.items_.size()));
    size_t i = run.begin;
    for (; i < run.end && code(i).size() == run.depth; ++i) {
      trie.items_.push_back(order[i]);
      trie.node_of_item_[static_cast<size_t>(order[i])] = static_cast<int>(node);
    }
    while (i < run.end) {
      const size_t begin = i;
      const int token = code(i)[run.depth];
      while (i < run.end && code(i)[run.depth] == token) ++i;
      runs.push_back({begin, i, run.depth + 1});
      trie.tokens_.push_back(token);
      trie.parents_.push_back(static_cast<int>(node));
    }
  }
  trie.first_child_.push_back(static_cast<int>(runs.size()));
  trie.first_item_.push_back(static_cast<int>(trie.items_.size()));
  return trie;
}

std::span<const int> ItemTrie::child_tokens(int node) const {
  return std::span(tokens_).subspan(static_cast<size_t>(first_child(node)),
                                    static_cast<size_t>(last_child(node) - first_child(node)));
}

std::span<const int> ItemTrie::items(int node) const {
  const auto first = static_cast<size_t>(first_item_[static_cast<size_t>(node)]);
  const auto last = static_cast<size_t>(first_item_[static_cast<size_t>(node) + 1]);
  return std::span(items_).subspan(first, last - first);
}

}  // namespace halfling
