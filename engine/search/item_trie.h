// The catalogue as a tree of codes: which token may follow which, and which items each code names.
#ifndef HALFLING_ENGINE_SEARCH_ITEM_TRIE_H_
#define HALFLING_ENGINE_SEARCH_ITEM_TRIE_H_

#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/token_lists.h"

namespace halfling {

inline constexpr int kMaxCodeLength = 8;
inline constexpr int kMaxTrieItems = 1 << 24;  // nodes are then below 2^31

// Immutable after Build; safe to share between threads. Node 0 is the root; nodes are numbered
// breadth first, so children come after their parent and shorter codes before longer ones. A node's
// children are contiguous and sorted by token; codes may differ in length, and one code may be
// another's prefix.
//
// An item's *place* is its index among the items sorted by code (a prefix before what it begins;
// items of one code most popular first, then by index): the items at and below any node fill one
// range of places.
class ItemTrie {
 public:
  // `codes`: of 1 to kMaxCodeLength tokens each; `popularity`: as many, events in training, say; or
  // empty, where no item is more popular than another. Takes linear time and, beyond the trie,
  // eight bytes an item. kEmptyCatalog without items, kTooLarge beyond kMaxTrieItems;
  // kInvalidCatalog for a code of a wrong length or a token outside 0 … vocab_size-1, naming the
  // item's index.
  static Result<ItemTrie> Build(const TokenLists& codes, std::span<const int> popularity,
                                int vocab_size);

  int num_nodes() const { return static_cast<int>(tokens_.size()); }
  int num_items() const { return num_items_; }
  // Children of `node` as [first, last) node indices.
  int first_child(int node) const { return first_child_[static_cast<size_t>(node)]; }
  int last_child(int node) const { return first_child_[static_cast<size_t>(node) + 1]; }
  int parent(int node) const { return parents_[static_cast<size_t>(node)]; }
  int token(int node) const { return tokens_[static_cast<size_t>(node)]; }
  // Tokens of the children [first_child, last_child), ready for a logits request.
  std::span<const int> child_tokens(int node) const;
  // Items whose code ends at `node`: most popular first, then by index. Usually none or one.
  std::span<const int> items(int node) const;
  // Item's code, appended to `tokens`.
  void AppendCode(int item, std::vector<int>& tokens) const;
  // The node at which item's code ends. Takes a binary search for each token of the code.
  int node_of(int item) const;

  int place_of(int item) const { return places_[static_cast<size_t>(item)]; }
  int item_at(int place) const { return items_[static_cast<size_t>(place)]; }
  // The items at and below `node` have the places [first_place, last_place), those that end at it
  // before the others.
  int first_place(int node) const { return first_place_[static_cast<size_t>(node)]; }
  int last_place(int node) const { return last_place_[static_cast<size_t>(node)]; }
  // Where the items below `node`, not at it, begin; last_place without any.
  int first_place_below(int node) const;

 private:
  int num_items_ = 0;
  std::vector<int> tokens_;
  std::vector<int> parents_;
  std::vector<int> first_child_;  // [num_nodes + 1]
  std::vector<int> first_place_;  // [num_nodes]
  std::vector<int> last_place_;   // [num_nodes]
  std::vector<int> items_;        // [num_items], by place
  std::vector<int> places_;       // [num_items], by item
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_ITEM_TRIE_H_
