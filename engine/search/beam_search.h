// Beam search over the item trie. Sees logits, never the model.
//
// The score of an item is the log-probability of its code under the model restricted to the
// catalogue: at each step a softmax over the tokens that the *whole* trie allows there (filters do
// not change scores, only what may be returned):
//   log p(item) = sum over levels l of log softmax_children(logits)_l
// A node where codes both end and go on treats "ends here" as certain at no cost (score unchanged).
#ifndef HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_
#define HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_

#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/search/item_filter.h"
#include "engine/search/item_trie.h"

namespace halfling {

// Where logits come from. State 0 is the prompt; Advance makes new states out of older ones.
class LogitsSource {
 public:
  virtual ~LogitsSource() = default;
  // State i of the next generation is parents[i] (of the current one) followed by tokens[i]. The
  // current generation is gone afterwards.
  virtual void Advance(std::span<const int> parents, std::span<const int> tokens) = 0;
  // Logits of `tokens` after state `state` of the current generation; `logits` is as long.
  virtual void Logits(int state, std::span<const int> tokens, std::span<float> logits) = 0;
};

struct ScoredItem {
  int item = 0;
  float score = 0;  // natural log-probability, at most 0 (up to rounding)
};

struct BeamSearchOptions {
  int beam_width = 20;
  int limit = 10;  // items to return at most
};

// Items in falling score, at most `limit` of them: fewer only if the filter allows fewer. Items of
// one code come most popular first; different codes of equal score in the trie's order (shorter
// code first, then by token ids). Each level keeps the `beam_width` (at least `limit`, at least 1)
// best partial codes below which the filter allows something; equal scores by the same order.
// kNonFiniteWeight if the source yields a logit that is not finite: the model's weights, though
// finite, overflow.
Result<std::vector<ScoredItem>> BeamSearch(const ItemTrie& trie, const ItemFilter& filter,
                                           LogitsSource& source, const BeamSearchOptions& options);

// The natural log-probabilities of node's children, in their order, from their logits in state
// `state`: what BeamSearch adds up. `log_probabilities` becomes as long as there are children, at
// least one. kNonFiniteWeight as above.
Status ChildLogProbabilities(const ItemTrie& trie, int node, int state, LogitsSource& source,
                             std::vector<float>& log_probabilities, std::vector<float>& scratch);

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_
