#include "compressor/evaluation/rank_targets.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>

#include "compressor/evaluation/percentile.h"
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

// Of a history longer than a request may be, the newest items; the older ones, which no prompt
// holds anyway, stay seen.
RecommendRequest MakeRequest(const Example& example, const RankingOptions& options) {
  RecommendRequest request;
  const std::vector<int>& history = example.history;
  const auto first = history.end() - std::min<ptrdiff_t>(std::ssize(history), kMaxHistoryItems);
  request.history.assign(first, history.end());
  if (options.exclude_seen) request.exclude.assign(history.begin(), first);
  request.search = options.search;
  request.beam_width = options.beam_width;
  request.max_proof_nodes = options.max_proof_nodes;
  request.limit = options.limit > 0 ? options.limit : options.beam_width;
  request.exclude_seen = options.exclude_seen;
  return request;
}

std::vector<int> TopItems(const std::vector<ScoredItem>& list) {
  std::vector<int> items;
  for (size_t i = 0; i < std::min(list.size(), kTopItems); ++i) items.push_back(list[i].item);
  return items;
}

// Ranks the users one by one; each writes its own place of `ranks` and `milliseconds` alone.
class TargetRanker {
 public:
  TargetRanker(const std::vector<Example>& examples, const RankingOptions& options)
      : examples_(examples), options_(options), milliseconds_(examples.size()) {
    ranks_.strict.resize(examples.size());
    ranks_.by_code.resize(examples.size());
    ranks_.top.resize(examples.size());
    ranks_.searches.resize(examples.size());
    if (options.code_logits) ranks_.code_logits.resize(examples.size());
  }

  Status Rank(Recommender& session, size_t user) {
    const Example& example = examples_[user];
    const RecommendRequest request = MakeRequest(example, options_);
    const Clock::time_point begin = Clock::now();
    HALFLING_ASSIGN_OR_RETURN(const std::vector<ScoredItem> list, session.Recommend(request));
    milliseconds_[user] = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    ranks_.searches[user] = session.stats();
    ranks_.strict[user] = StrictRank(list, example.target);
    ranks_.by_code[user] = RankByCode(list, example.target, session.model().trie);
    ranks_.top[user] = TopItems(list);
    if (options_.code_logits) {
      HALFLING_ASSIGN_OR_RETURN(ranks_.code_logits[user],
                                session.CodeLogits(request.history, example.target));
    }
    return {};
  }

  TargetRanks Take() && {
    ranks_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    ranks_.milliseconds_per_user = PercentileOf(milliseconds_, 50);
    ranks_.milliseconds_p99 = PercentileOf(std::move(milliseconds_), 99);
    return std::move(ranks_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  const std::vector<Example>& examples_;
  const RankingOptions& options_;
  const Clock::time_point begin_ = Clock::now();
  TargetRanks ranks_;
  std::vector<double> milliseconds_;
};

}  // namespace

Result<TargetRanks> RankTargets(const Recommender& recommender,
                                const std::vector<Example>& examples, const RankingOptions& options,
                                Progress& progress) {
  TargetRanker ranker(examples, options);
  const int workers = std::max(1, options.threads);
  std::vector<Recommender> sessions;
  for (int i = 0; i < workers; ++i) sessions.push_back(recommender.Fork());

  std::mutex mutex;
  std::optional<Error> error;  // of the user `at_fault`
  std::atomic<size_t> at_fault = examples.size();
  progress.Begin("evaluating", examples.size());
  ParallelFor(examples.size(), workers, [&](size_t user, size_t worker) {
    if (user > at_fault) return;
    Status status = ranker.Rank(sessions[worker], user);
    if (!status) {
      const std::scoped_lock lock(mutex);
      if (user < at_fault) {
        at_fault = user;
        error = std::move(status).error();
      }
    }
    progress.Advance();
  });
  if (error) {
    return Fail(error->code, "user ", at_fault + 1, " of ", examples.size(), ": ", error->message);
  }
  return std::move(ranker).Take();
}

}  // namespace halfling
