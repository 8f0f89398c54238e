// Best-first search over the item trie that proves what it returns: the true best items of the
// model's distribution over the catalogue. Scores are defined in beam_search.h.
#ifndef HALFLING_ENGINE_SEARCH_EXACT_SEARCH_H_
#define HALFLING_ENGINE_SEARCH_EXACT_SEARCH_H_

#include "engine/base/result.h"
#include "engine/search/beam_search.h"

namespace halfling {

struct ExactSearchOptions {
  int limit = 10;             // items to return at most
  int first_width = 10;       // of the descent; raised to `limit`
  int batch_size = 32;        // partial codes that are run together
  int max_proof_nodes = 500;  // to run beyond the descent before the proof is given up
};

// No log-probability is above 0, so a partial code's score plus the largest boost below bounds what
// can be found there, in floats as in real numbers: rounding keeps order. A descent like a beam
// search's (the `first_width` best of what the level before gave) finds items; then the partial
// codes whose bound would still be among the best are followed, the most promising first, until
// there are none, or until that took `max_proof_nodes` tokens. Only then is the result not `exact`;
// it is no worse than a beam search of `first_width` in any case. kNonFiniteWeight if the source
// yields a logit that is not finite.
Result<SearchResult> ExactSearch(const ItemTrie& trie, const ItemFilter& filter,
                                 const ItemBoosts& boosts, LogitsSource& source,
                                 const ExactSearchOptions& options);

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_EXACT_SEARCH_H_
