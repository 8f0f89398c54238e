#include "compressor/stages/code_divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "compressor/evaluation/compare.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

// KL between the distributions that two hidden states give over `tokens`; infinite where a logit is
// not finite.
double DivergenceAt(const Transformer& model, std::span<const int> tokens,
                    std::span<const float> original, std::span<const float> other) {
  std::vector<float> before(tokens.size());
  std::vector<float> after(tokens.size());
  model.Logits(original, tokens, before);
  model.Logits(other, tokens, after);
  const auto is_finite = [](float logit) { return std::isfinite(logit); };
  if (!std::ranges::all_of(before, is_finite) || !std::ranges::all_of(after, is_finite)) {
    return std::numeric_limits<double>::infinity();
  }
  return Divergence(before, after);
}

// The nodes from the root to the one before `item`'s own, last first.
std::vector<int> NodesAbove(const ItemTrie& trie, int item) {
  std::vector<int> nodes;
  for (int node = trie.node_of(item); node != 0;) {
    node = trie.parent(node);
    nodes.push_back(node);
  }
  return nodes;
}

}  // namespace

Result<double> CodeDivergence(const Transformer& model, const ItemTrie& trie,
                              const std::vector<int>& targets, const ActivationWalk& original,
                              const ActivationWalk& other, int threads) {
  std::vector<double> divergences(targets.size(), 0.0);
  ParallelFor(targets.size(), threads, [&](size_t i, size_t) {
    const Matrix& p = original.hidden(i);
    const Matrix& q = other.hidden(i);
    size_t row = p.rows();
    for (const int node : NodesAbove(trie, targets[i])) {
      --row;
      divergences[i] += DivergenceAt(model, trie.child_tokens(node), p.row(row), q.row(row));
    }
  });
  double sum = 0;
  for (const double divergence : divergences) sum += divergence;
  if (!std::isfinite(sum)) {
    return Fail(ErrorCode::kNonFiniteWeight,
                "the model's logits are not finite on the calibration sequences");
  }
  return sum / static_cast<double>(targets.size());
}

}  // namespace halfling
