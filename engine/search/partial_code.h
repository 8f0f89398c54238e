// What the searches have reached and may follow further.
#ifndef HALFLING_ENGINE_SEARCH_PARTIAL_CODE_H_
#define HALFLING_ENGINE_SEARCH_PARTIAL_CODE_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/search/logits_source.h"

namespace halfling {

// The beginning of a code. It needs no state of its own until its children's probabilities do.
struct PartialCode {
  int node;
  float log_probability;
  float bound;     // no item at or below has a higher score: log_probability plus the largest boost
  NodeState from;  // its nearest ancestor, or itself, with a state
};

// Nodes are distinct and bounds finite, so this is a strict order without ties.
inline bool IsBetter(const PartialCode& a, const PartialCode& b) {
  return a.bound != b.bound ? a.bound > b.bound : a.node < b.node;
}

// Takes the `count` best out of `codes` and returns them, best first.
inline std::vector<PartialCode> TakeBest(std::vector<PartialCode>& codes, size_t count) {
  count = std::min(count, codes.size());
  const auto end = codes.begin() + static_cast<std::ptrdiff_t>(count);
  if (end != codes.end()) std::nth_element(codes.begin(), end, codes.end(), IsBetter);
  std::vector<PartialCode> best(codes.begin(), end);
  codes.erase(codes.begin(), end);
  std::sort(best.begin(), best.end(), IsBetter);
  return best;
}

// A code with one way on takes it for certain, log-probability 0: no state is needed to know that.
inline bool Branches(const ItemTrie& trie, int node) {
  return trie.last_child(node) - trie.first_child(node) > 1;
}

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_PARTIAL_CODE_H_
