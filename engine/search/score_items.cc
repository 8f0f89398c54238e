#include "engine/search/score_items.h"

#include <algorithm>
#include <cstddef>

#include "engine/search/partial_code.h"

namespace halfling {
namespace {

// The nodes on the way to some items, in the trie's order: parents before children.
class Paths {
 public:
  Paths(const ItemTrie& trie, std::span<const int> items) {
    for (const int item : items) {
      for (int node = trie.node_of(item); node >= 0; node = trie.parent(node)) {
        nodes_.push_back(node);
      }
    }
    std::sort(nodes_.begin(), nodes_.end());
    nodes_.erase(std::unique(nodes_.begin(), nodes_.end()), nodes_.end());
  }

  size_t size() const { return nodes_.size(); }
  int node(size_t i) const { return nodes_[i]; }
  // Of the first node that is `node` or after it.
  size_t IndexOf(int node) const {
    return static_cast<size_t>(std::lower_bound(nodes_.begin(), nodes_.end(), node) -
                               nodes_.begin());
  }

 private:
  std::vector<int> nodes_;
};

// Runs those nodes whose children's probabilities are asked for, and what leads there.
std::vector<int> RunStates(const ItemTrie& trie, const Paths& paths, LogitsSource& source) {
  std::vector<char> needed(paths.size(), 0);
  for (size_t i = paths.size() - 1; i > 0; --i) {
    const int parent = trie.parent(paths.node(i));
    if (needed[i] != 0 || Branches(trie, parent)) needed[paths.IndexOf(parent)] = 1;
  }
  std::vector<int> states(paths.size(), 0);
  NodeBatch batch(trie, source);
  for (size_t i = 1; i < paths.size(); ++i) {
    const int parent = trie.parent(paths.node(i));
    if (needed[i] != 0) {
      states[i] = batch.Add({parent, states[paths.IndexOf(parent)]}, paths.node(i));
    }
  }
  batch.Run();
  return states;
}

}  // namespace

Result<std::vector<float>> ScoreItems(const ItemTrie& trie, std::span<const int> items,
                                      LogitsSource& source) {
  if (items.empty()) return std::vector<float>();
  const Paths paths(trie, items);
  const std::vector<int> states = RunStates(trie, paths, source);

  std::vector<float> scores(paths.size(), 0.0f);  // of the partial codes
  std::vector<float> log_probabilities;
  std::vector<float> scratch;
  for (size_t i = 0; i < paths.size(); ++i) {
    const int node = paths.node(i);
    const int first_child = trie.first_child(node);
    size_t child = paths.IndexOf(first_child);
    const size_t last_child = paths.IndexOf(trie.last_child(node));
    if (child == last_child) continue;
    if (Branches(trie, node)) {
      HALFLING_RETURN_IF_ERROR(
          ChildLogProbabilities(trie, node, states[i], source, log_probabilities, scratch));
    } else {
      log_probabilities.assign(1, 0.0f);
    }
    for (; child < last_child; ++child) {
      const auto place = static_cast<size_t>(paths.node(child) - first_child);
      scores[child] = scores[i] + log_probabilities[place];
    }
  }

  std::vector<float> of_items;
  of_items.reserve(items.size());
  for (const int item : items) of_items.push_back(scores[paths.IndexOf(trie.node_of(item))]);
  return of_items;
}

}  // namespace halfling
