#include "compressor/evaluation/compare.h"

#include <algorithm>
#include <cmath>

namespace halfling {
namespace {

// ln sum_i e^logits[i].
double LogSumExp(std::span<const float> logits) {
  const auto max = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - max);
  return max + std::log(sum);
}

std::vector<double> Divergences(const TargetRanks& before, const TargetRanks& after) {
  std::vector<double> divergences;
  for (size_t user = 0; user < before.code_logits.size(); ++user) {
    double sum = 0;
    for (size_t level = 0; level < before.code_logits[user].size(); ++level) {
      sum += Divergence(before.code_logits[user][level], after.code_logits[user][level]);
    }
    divergences.push_back(sum);
  }
  return divergences;
}

}  // namespace

bool HaveSameCodes(const ItemTrie& before, const ItemTrie& after) {
  if (before.num_nodes() != after.num_nodes() || before.num_items() != after.num_items()) {
    return false;
  }
  for (int node = 1; node < before.num_nodes(); ++node) {
    if (before.parent(node) != after.parent(node)) return false;
  }
  for (int item = 0; item < before.num_items(); ++item) {
    if (before.node_of(item) != after.node_of(item)) return false;
  }
  return true;
}

double Divergence(std::span<const float> before, std::span<const float> after) {
  const double log_sum_before = LogSumExp(before);
  const double log_sum_after = LogSumExp(after);
  double divergence = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    const double log_p = static_cast<double>(before[i]) - log_sum_before;
    const double log_q = static_cast<double>(after[i]) - log_sum_after;
    divergence += std::exp(log_p) * (log_p - log_q);
  }
  return std::max(divergence, 0.0);  // Below 0 it can only be by rounding.
}

double Overlap(std::span<const int> before, std::span<const int> after) {
  if (before.empty()) return 1;
  const auto common = std::ranges::count_if(
      before, [after](int item) { return std::ranges::find(after, item) != after.end(); });
  return static_cast<double>(common) / static_cast<double>(before.size());
}

Comparison Compare(const TargetRanks& before, const TargetRanks& after) {
  Comparison comparison;
  comparison.relative_change = RelativeChanges(before.strict, after.strict);
  if (!before.code_logits.empty() && !after.code_logits.empty()) {
    comparison.divergence = SummarizeValues(Divergences(before, after));
  }
  std::vector<double> overlaps;
  for (size_t user = 0; user < before.top.size(); ++user) {
    overlaps.push_back(Overlap(before.top[user], after.top[user]));
  }
  comparison.overlap = SummarizeValues(overlaps);
  return comparison;
}

}  // namespace halfling
