#include "compressor/evaluation/rank_targets.h"

#include <mutex>
#include <optional>
#include <set>

#include "compressor/parallel.h"

namespace halfling {
namespace {

int StrictRank(const std::vector<ScoredItem>& list, int target) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].item == target) return static_cast<int>(i) + 1;
  }
  return 0;
}

int RankByCode(const std::vector<ScoredItem>& list, int target, const ItemTrie& trie) {
  const int target_node = trie.node_of(target);
  std::set<int> nodes;
  for (const ScoredItem& scored : list) {
    nodes.insert(trie.node_of(scored.item));
    if (trie.node_of(scored.item) == target_node) return static_cast<int>(nodes.size());
  }
  return 0;
}

RecommendRequest MakeRequest(const Example& example, const RankingOptions& options) {
  RecommendRequest request;
  request.history = example.history;
  request.beam_width = options.beam_width;
  // Wider than any K, so that items of one code do not push other codes out of the first ten.
  request.limit = options.beam_width;
  request.exclude_seen = options.exclude_seen;
  return request;
}

}  // namespace

Result<TargetRanks> RankTargets(const Recommender& recommender,
                                const std::vector<Example>& examples, const RankingOptions& options,
                                Progress& progress) {
  TargetRanks ranks;
  ranks.strict.resize(examples.size());
  ranks.by_code.resize(examples.size());
  const int workers = std::max(1, options.threads);
  std::vector<Recommender> sessions;
  for (int i = 0; i < workers; ++i) sessions.push_back(recommender.Fork());

  std::mutex mutex;
  std::optional<Error> error;  // of the first example at fault that was seen
  progress.Begin("evaluating", examples.size());
  ParallelFor(examples.size(), workers, [&](size_t i, size_t worker) {
    const auto list = sessions[worker].Recommend(MakeRequest(examples[i], options));
    if (list) {
      ranks.strict[i] = StrictRank(*list, examples[i].target);
      ranks.by_code[i] = RankByCode(*list, examples[i].target, recommender.model().trie);
    } else {
      const std::scoped_lock lock(mutex);
      if (!error) error = list.error();
    }
    progress.Advance();
  });
  if (error) return tl::unexpected<Error>(*std::move(error));
  return ranks;
}

}  // namespace halfling
