// HR@K and NDCG@K with one target per user, and how sure they are.
#ifndef HALFLING_COMPRESSOR_EVALUATION_METRICS_H_
#define HALFLING_COMPRESSOR_EVALUATION_METRICS_H_

#include <array>
#include <cstdint>
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

struct BootstrapOptions {
  int resamples = 2000;
  uint64_t seed = 1;
};

// ranks: [users], at least one. The same options give the same intervals everywhere.
MetricTable SummarizeRanks(std::span<const int> ranks, const BootstrapOptions& options = {});

// (after - before) / before of each metric's means; all 0 where before is 0. before, after:
// [users], the same users in the same order. They are resampled together: what is hard or easy for
// both cancels.
MetricTable RelativeChanges(std::span<const int> before, std::span<const int> after,
                            const BootstrapOptions& options = {});

// The mean of any value that each user has. values: [users], at least one.
Interval SummarizeValues(std::span<const double> values, const BootstrapOptions& options = {});

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_METRICS_H_
