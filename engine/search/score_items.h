// Log-probabilities of given items, without a search.
#ifndef HALFLING_ENGINE_SEARCH_SCORE_ITEMS_H_
#define HALFLING_ENGINE_SEARCH_SCORE_ITEMS_H_

#include <span>
#include <vector>

#include "engine/base/result.h"
#include "engine/search/item_trie.h"
#include "engine/search/logits_source.h"

namespace halfling {

// The log-probability of each of `items`, [items.size()], as beam_search.h defines it. The codes'
// common beginnings are run once, and all in one batch. kNonFiniteWeight if the source yields a
// logit that is not finite.
Result<std::vector<float>> ScoreItems(const ItemTrie& trie, std::span<const int> items,
                                      LogitsSource& source);

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_SCORE_ITEMS_H_
