// The protocol of sequential recommendation: a user's last item is the test target, the one before
// it the validation target, the rest is for training.
#ifndef HALFLING_COMPRESSOR_INTERACTIONS_LEAVE_ONE_OUT_H_
#define HALFLING_COMPRESSOR_INTERACTIONS_LEAVE_ONE_OUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compressor/interactions/interactions.h"

namespace halfling {

enum class Split { kTraining, kValidation, kTest };

// Items that a user needs to give an example of the split.
size_t ShortestHistory(Split split);

// Predict `target` after `history`.
struct Example {
  std::vector<int> history;  // everything before the target, oldest first, at least one item
  int target = 0;
};

// One example per user, in the users' order. kTraining ends with the last item that is neither
// validation nor test, so nothing of those is seen. Users without an item before the target are
// left out.
std::vector<Example> LeaveOneOut(const Interactions& interactions, Split split);

// `count` of the examples, drawn without replacement and in their order; all of them when there are
// no more than that. The same seed draws the same ones everywhere.
std::vector<Example> DrawExamples(const std::vector<Example>& examples, size_t count,
                                  uint64_t seed);

// How many targets are in their own histories: with seen items excluded no list can hold them.
size_t CountSeenTargets(const std::vector<Example>& examples);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_INTERACTIONS_LEAVE_ONE_OUT_H_
