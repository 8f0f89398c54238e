// Beam search over the item trie: as cheap as its width, and right as often as that is wide enough.
//
// The score of an item is the log-probability of its code under the model restricted to the
// catalogue: at each step a softmax over the tokens that the *whole* trie allows there (filters do
// not change scores, only what may be returned), plus the item's boost:
//   log p(item) = sum over levels l of log softmax_children(logits)_l
// A node where codes both end and go on treats "ends here" as certain at no cost (score unchanged).
#ifndef HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_
#define HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_

#include <vector>

#include "engine/base/result.h"
#include "engine/search/best_items.h"
#include "engine/search/item_boosts.h"
#include "engine/search/item_filter.h"
#include "engine/search/item_trie.h"
#include "engine/search/logits_source.h"

namespace halfling {

// What a search found, and what that took.
struct SearchResult {
  // In falling score: fewer than asked for only if the filter allows fewer. Equal scores in the
  // order of BestItems.
  std::vector<ScoredItem> items;
  bool exact = false;  // these are proven to be the best of all allowed items
  int nodes_run = 0;   // tokens that the source ran
  int batches = 0;     // in that many calls
};

struct BeamSearchOptions {
  int beam_width = 20;
  int limit = 10;  // items to return at most
};

// Each level keeps the `beam_width` (at least `limit`, at least 1) best partial codes below which
// the filter allows something, by score plus the largest boost of what is allowed below; equal ones
// in the trie's order. kNonFiniteWeight if the source yields a logit that is not finite.
Result<SearchResult> BeamSearch(const ItemTrie& trie, const ItemFilter& filter,
                                const ItemBoosts& boosts, LogitsSource& source,
                                const BeamSearchOptions& options);

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_BEAM_SEARCH_H_
