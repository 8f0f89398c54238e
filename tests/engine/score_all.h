// The definition of an item's score, which the searches are tested against.
#ifndef HALFLING_TESTS_ENGINE_SCORE_ALL_H_
#define HALFLING_TESTS_ENGINE_SCORE_ALL_H_

#include <span>
#include <vector>

#include "engine/recommender.h"

namespace halfling::testing {

// The log-probability of every item, [num_items], one by one, token by token along its code: at each
// a softmax over the tokens that the trie allows.
std::vector<float> ScoreAll(const RecommenderModel& model, std::span<const int> history);

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_SCORE_ALL_H_
