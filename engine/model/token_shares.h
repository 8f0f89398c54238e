// A forward pass' tokens, divided among threads.
#ifndef HALFLING_ENGINE_MODEL_TOKEN_SHARES_H_
#define HALFLING_ENGINE_MODEL_TOKEN_SHARES_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/kv_cache.h"
#include "engine/model/scratch.h"
#include "engine/model/weights.h"

namespace halfling {

// The tokens of a pass, or one thread's: the slots [first_slot, first_slot + num_tokens).
struct TokenShare {
  int first_slot;
  int num_tokens;
  int num_outputs;  // of its last tokens, whose hidden states are asked for
  TransformerScratch* scratch;
};

inline constexpr int kFewestTokensOfShare = 2;  // one alone does not fill a matrix product

// Into how many shares the threads of whole.scratch divide it: 1 where there are none, or few
// tokens. Inline, so that builds without threads leave out what follows.
inline size_t NumShares(const TokenShare& whole) {
  const ThreadPool* threads = whole.scratch->threads;
  if (ThreadPool::kMostThreads == 1 || threads == nullptr) return 1;
  const int most = std::max(1, whole.num_tokens / kFewestTokensOfShare);
  return std::min(threads->threads(), static_cast<size_t>(most));
}

// Shares that cost about as much, each with one of whole.scratch->shares, in which there is room for
// whatever a layer needs: a helper that ran out of memory would leave its caller waiting. `layer` is
// any.
std::vector<TokenShare> DivideTokens(const TokenShare& whole, size_t num_shares,
                                     const ModelConfig& config, const LayerWeights& layer,
                                     const KvCache& cache);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_TOKEN_SHARES_H_
