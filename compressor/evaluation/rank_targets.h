// What a model makes of each user: its list, where the target ends up in it, and how long it took.
#ifndef HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_
#define HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_

#include <vector>

#include "compressor/interactions/leave_one_out.h"
#include "compressor/progress.h"
#include "engine/recommender.h"

namespace halfling {

inline constexpr size_t kTopItems = 10;

struct TargetRanks {
  // [users], from 1; 0 when the target is not in the list.
  std::vector<int> strict;  // of the item itself
  // Of the target's code among the distinct codes of the list: what published figures count, since
  // they compare code strings. An item that shares the target's code is then a hit too.
  std::vector<int> by_code;
  // [users][kTopItems, or as many as the list has]: item indices, best first.
  std::vector<std::vector<int>> top;
  // [users][code length][children]: Recommender::CodeLogits of the target; empty unless asked for.
  std::vector<std::vector<std::vector<float>>> code_logits;
  double seconds = 0;                 // all users, on all threads
  double milliseconds_per_user = 0;   // the median of one ranking, on one thread
  double milliseconds_p99 = 0;        // of the same: one user in a hundred waits longer
  std::vector<SearchStats> searches;  // [users]
};

struct RankingOptions {
  SearchMethod search = SearchMethod::kBeam;
  int beam_width = 20;
  // The length of the list. Longer than any K, so that items of one code do not push other codes
  // out of the first ten; 0 for as long as the beam is wide.
  int limit = 0;
  int max_proof_nodes = RecommendRequest().max_proof_nodes;
  // Leaves out what the user has chosen before. Removes no target where nobody repeats an item.
  bool exclude_seen = true;
  int threads = 1;
  // Keeps the targets' code logits, which Compare needs: some kilobytes a user.
  bool code_logits = false;
};

// The same result, but for the times, for any number of threads. The error of the first example at
// fault, with its place among them. A history may be of any length.
Result<TargetRanks> RankTargets(const Recommender& recommender,
                                const std::vector<Example>& examples, const RankingOptions& options,
                                Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_
