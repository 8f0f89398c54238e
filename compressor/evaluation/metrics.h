// HR@K and NDCG@K with one target per user, and how sure they are.
#ifndef HALFLING_COMPRESSOR_EVALUATION_METRICS_H_
#define HALFLING_COMPRESSOR_EVALUATION_METRICS_H_

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace halfling {

enum class Metric { kHr1, kHr5, kHr10, kNdcg5, kNdcg10 };
inline constexpr std::array kMetrics = {Metric::kHr1, Metric::kHr5, Metric::kHr10, Metric::kNdcg5,
                                        Metric::kNdcg10};
inline constexpr size_t kNumMetrics = kMetrics.size();

std::string_view MetricName(Metric metric);  // "hr@1", …, "ndcg@10"

// One user's share: HR@K is 1 when the target's rank (from 1; 0: not in the list) is at most K;
// NDCG@K is then 1 / log2(rank + 1), the ideal DCG of a single target being 1.
double MetricOfRank(Metric metric, int rank);

// A mean over users with a 95% percentile interval of the bootstrap over users.
struct Interval {
  double mean = 0;
  double low = 0;
  double high = 0;
};

using MetricTable = std::array<Interval, kNumMetrics>;  // indexed by Metric

// Of a change relative to a mean; nothing where that mean is 0.
using ChangeTable = std::array<std::optional<Interval>, kNumMetrics>;  // indexed by Metric

// ranks: [users], at least one. The same ranks give the same intervals everywhere.
MetricTable SummarizeRanks(std::span<const int> ranks);

// (after - before) / before of each metric's means. before, after: [users], the same users in the
// same order. They are resampled together: what is hard or easy for both cancels. A resample whose
// mean before is 0 is left out.
ChangeTable RelativeChanges(std::span<const int> before, std::span<const int> after);

// The mean of any value that each user has. values: [users], at least one.
Interval SummarizeValues(std::span<const double> values);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_METRICS_H_
