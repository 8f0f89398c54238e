#include "engine/search/beam_search.h"

#include <algorithm>
#include <utility>

#include "engine/search/partial_code.h"

namespace halfling {

Result<SearchResult> BeamSearch(const ItemTrie& trie, const ItemFilter& filter,
                                const ItemBoosts& boosts, LogitsSource& source,
                                const BeamSearchOptions& options) {
  const auto width = static_cast<size_t>(std::max({1, options.beam_width, options.limit}));
  SearchResult result;
  BestItems best(trie, filter, boosts, options.limit);
  NodeBatch batch(trie, source);
  std::vector<float> log_probabilities;
  std::vector<float> scratch;
  std::vector<PartialCode> candidates;
  float best_dropped = ItemBoosts::kNothing;
  std::vector<PartialCode> beams;
  if (filter.allows_below(0)) beams.push_back({0, 0.0f, boosts.max(), {0, 0}});

  while (!beams.empty()) {
    for (PartialCode& beam : beams) {
      if (Branches(trie, beam.node)) beam.from = {beam.node, batch.Add(beam.from, beam.node)};
    }
    if (batch.num_pending() > 0) ++result.batches;
    batch.Run();

    candidates.clear();
    for (const PartialCode& beam : beams) {
      if (Branches(trie, beam.node)) {
        HALFLING_RETURN_IF_ERROR(ChildLogProbabilities(trie, beam.node, beam.from.state, source,
                                                       log_probabilities, scratch));
      } else {
        log_probabilities.assign(1, 0.0f);
      }
      int child = trie.first_child(beam.node);
      for (const float log_probability : log_probabilities) {
        if (filter.allows_node(child)) {
          const float sum = beam.log_probability + log_probability;
          candidates.push_back({child, sum, sum + boosts.MaxBelow(child), beam.from});
        }
        ++child;
      }
    }

    beams.clear();
    for (const PartialCode& candidate : TakeBest(candidates, width)) {
      best.AddItemsAt(candidate.node, candidate.log_probability);
      if (filter.allows_below(candidate.node)) beams.push_back(candidate);
    }
    for (const PartialCode& dropped : candidates) {
      best_dropped = std::max(best_dropped, dropped.bound);
    }
  }
  result.nodes_run = batch.num_run();
  result.exact = best_dropped == ItemBoosts::kNothing || !best.WouldTake(best_dropped, 0);
  result.items = std::move(best).Take();
  return result;
}

}  // namespace halfling
