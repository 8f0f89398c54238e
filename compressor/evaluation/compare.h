// How far one model is from another on the same users: what compressing it has cost.
#ifndef HALFLING_COMPRESSOR_EVALUATION_COMPARE_H_
#define HALFLING_COMPRESSOR_EVALUATION_COMPARE_H_

#include <optional>
#include <span>
#include <vector>

#include "compressor/evaluation/metrics.h"
#include "compressor/evaluation/rank_targets.h"

namespace halfling {

struct Comparison {
  ChangeTable relative_change;  // of each metric, by the items' strict ranks, paired by user
  // KL(before || after) an item, in nats, mean over users: summed over the positions of the test
  // target's code, at each over the tokens that the trie allows. Nothing where the two models call
  // the items by different codes.
  std::optional<Interval> divergence;
  // The share of the first kTopItems of `before` that is among those of `after`, mean over users.
  Interval overlap;
};

// Whether both tries have the same shape, with each item at the same place: what a divergence
// presumes. Token numbers may differ, as pruning the vocabulary renumbers them.
bool HaveSameCodes(const ItemTrie& before, const ItemTrie& after);

// sum_i p_i (ln p_i - ln q_i), in double, where p = softmax(before), q = softmax(after); finite
// logits, as many of each, at least one.
double Divergence(std::span<const float> before, std::span<const float> after);

// The share of `before` that is in `after`; 1 when `before` is empty.
double Overlap(std::span<const int> before, std::span<const int> after);

// Of rankings of the same examples; at least one user. The divergence is there when both kept their
// code logits: ask for those only if HaveSameCodes.
Comparison Compare(const TargetRanks& before, const TargetRanks& after);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_COMPARE_H_
