// Where the searches get their logits: they see this, never the model.
#ifndef HALFLING_ENGINE_SEARCH_LOGITS_SOURCE_H_
#define HALFLING_ENGINE_SEARCH_LOGITS_SOURCE_H_

#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/search/item_trie.h"

namespace halfling {

// States form a tree: 0 is the prompt, each other one a state followed by a token. They stay for as
// long as the source does.
class LogitsSource {
 public:
  virtual ~LogitsSource() = default;
  // Adds a state for each of `tokens`, numbered on from the last one: parents[i] followed by
  // tokens[i]. A parent is an older state, also one that this call adds before. At least one.
  virtual void Extend(std::span<const int> parents, std::span<const int> tokens) = 0;
  // Logits of `tokens` after `state`, which is one that the last Extend added, or 0; `logits` is as
  // long.
  virtual void Logits(int state, std::span<const int> tokens, std::span<float> logits) = 0;
};

// kNonFiniteWeight: the model's weights, though finite, overflow.
tl::unexpected<Error> NonFiniteLogit();

// The natural log-probabilities of node's children, in their order, from their logits in state
// `state`; none is above 0. `log_probabilities` becomes as long as there are children, at least
// one. NonFiniteLogit if the source yields one.
Status ChildLogProbabilities(const ItemTrie& trie, int node, int state, LogitsSource& source,
                             std::vector<float>& log_probabilities, std::vector<float>& scratch);

// A node of the trie whose state the source has.
struct NodeState {
  int node = 0;
  int state = 0;
};

// Collects nodes and lets the source run them in one batch, together with what lies between each
// and the state that it follows.
class NodeBatch {
 public:
  NodeBatch(const ItemTrie& trie, LogitsSource& source) : trie_(trie), source_(source) {}

  // The state that `node`, which is from.node or below it, will have after Run.
  int Add(NodeState from, int node);
  void Run();

  // How many tokens have been run so far.
  int num_run() const { return num_run_; }
  // Of the nodes added since Run.
  int num_pending() const { return static_cast<int>(tokens_.size()); }

 private:
  const ItemTrie& trie_;
  LogitsSource& source_;
  std::vector<int> parents_;
  std::vector<int> tokens_;
  int num_run_ = 0;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_LOGITS_SOURCE_H_
