#include "engine/search/logits_source.h"

#include <array>

#include "engine/search/log_softmax.h"

namespace halfling {

tl::unexpected<Error> NonFiniteLogit() {
  return Fail(ErrorCode::kNonFiniteWeight,
              "a logit is not finite: the model's weights overflow; expected finite logits");
}

Status ChildLogProbabilities(const ItemTrie& trie, int node, int state, LogitsSource& source,
                             std::vector<float>& log_probabilities, std::vector<float>& scratch) {
  const std::span<const int> tokens = trie.child_tokens(node);
  log_probabilities.resize(tokens.size());
  source.Logits(state, tokens, log_probabilities);
  if (!LogSoftmax(log_probabilities, scratch)) {
    return NonFiniteLogit();
  }
  return {};
}

int NodeBatch::Add(NodeState from, int node) {
  std::array<int, kMaxCodeLength> path;  // from `node` up
  size_t length = 0;
  for (; node != from.node; node = trie_.parent(node)) path[length++] = node;
  int state = from.state;
  while (length > 0) {
    parents_.push_back(state);
    tokens_.push_back(trie_.token(path[--length]));
    state = num_run_ + num_pending();
  }
  return state;
}

void NodeBatch::Run() {
  if (tokens_.empty()) return;
  source_.Extend(parents_, tokens_);
  num_run_ += num_pending();
  parents_.clear();
  tokens_.clear();
}

}  // namespace halfling
