// Where each user's target ends up in the model's list.
#ifndef HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_
#define HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_

#include <vector>

#include "compressor/interactions/leave_one_out.h"
#include "compressor/progress.h"
#include "engine/recommender.h"

namespace halfling {

struct TargetRanks {
  // [users], from 1; 0 when the target is not among the first `beam_width`.
  std::vector<int> strict;  // of the item itself
  // Of the target's code among the distinct codes of the list: what published figures count, since
  // they compare code strings. An item that shares the target's code is then a hit too.
  std::vector<int> by_code;
};

struct RankingOptions {
  int beam_width = 20;
  // Leaves out what the user has chosen before. Removes no target where nobody repeats an item.
  bool exclude_seen = true;
  int threads = 1;
};

// The same result for any number of threads. The first error, if any example is at fault.
Result<TargetRanks> RankTargets(const Recommender& recommender,
                                const std::vector<Example>& examples, const RankingOptions& options,
                                Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_RANK_TARGETS_H_
