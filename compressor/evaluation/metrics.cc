#include "compressor/evaluation/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "compressor/random.h"

namespace halfling {
namespace {

using MetricValues = std::array<double, kNumMetrics>;

constexpr double kTail = 0.025;  // of each side of a 95% interval
constexpr int kResamples = 2000;
constexpr uint64_t kBootstrapSeed = 1;

MetricValues ValuesOfRank(int rank) {
  MetricValues values;
  for (const Metric metric : kMetrics) {
    values[static_cast<size_t>(metric)] = MetricOfRank(metric, rank);
  }
  return values;
}

std::vector<MetricValues> ValuesOfRanks(std::span<const int> ranks) {
  std::vector<MetricValues> values;
  values.reserve(ranks.size());
  for (const int rank : ranks) values.push_back(ValuesOfRank(rank));
  return values;
}

// Linear interpolation between order statistics (numpy.percentile's default).
double Quantile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  const double weight = position - static_cast<double>(below);
  return values[below] * (1 - weight) + values[above] * weight;
}

Interval MakeInterval(double mean, std::vector<double>& resampled) {
  return {mean, Quantile(resampled, kTail), Quantile(resampled, 1 - kTail)};
}

// Calls visit(users) with each resample's user indices.
template <typename Visit>
void ForEachResample(size_t num_users, const Visit& visit) {
  std::mt19937_64 random(kBootstrapSeed);
  std::vector<size_t> users(num_users);
  for (int i = 0; i < kResamples; ++i) {
    for (size_t& user : users) user = DrawBelow(num_users, random);
    visit(std::span<const size_t>(users));
  }
}

MetricValues MeanOf(std::span<const MetricValues> values, std::span<const size_t> users) {
  MetricValues sums{};
  for (const size_t user : users) {
    for (size_t i = 0; i < kNumMetrics; ++i) sums[i] += values[user][i];
  }
  for (double& sum : sums) sum /= static_cast<double>(users.size());
  return sums;
}

MetricValues MeanOf(std::span<const MetricValues> values) {
  MetricValues sums{};
  for (const MetricValues& value : values) {
    for (size_t i = 0; i < kNumMetrics; ++i) sums[i] += value[i];
  }
  for (double& sum : sums) sum /= static_cast<double>(values.size());
  return sums;
}

double Change(double before, double after) { return (after - before) / before; }

}  // namespace

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kHr1:
      return "hr@1";
    case Metric::kHr5:
      return "hr@5";
    case Metric::kHr10:
      return "hr@10";
    case Metric::kNdcg5:
      return "ndcg@5";
    case Metric::kNdcg10:
      return "ndcg@10";
  }
  return "";
}

double MetricOfRank(Metric metric, int rank) {
  const auto within = [rank](int k) { return rank >= 1 && rank <= k; };
  switch (metric) {
    case Metric::kHr1:
      return within(1) ? 1.0 : 0.0;
    case Metric::kHr5:
      return within(5) ? 1.0 : 0.0;
    case Metric::kHr10:
      return within(10) ? 1.0 : 0.0;
    case Metric::kNdcg5:
      return within(5) ? 1.0 / std::log2(rank + 1.0) : 0.0;
    case Metric::kNdcg10:
      return within(10) ? 1.0 / std::log2(rank + 1.0) : 0.0;
  }
  return 0.0;
}

MetricTable SummarizeRanks(std::span<const int> ranks) {
  const std::vector<MetricValues> values = ValuesOfRanks(ranks);
  std::array<std::vector<double>, kNumMetrics> resampled;
  ForEachResample(ranks.size(), [&](std::span<const size_t> users) {
    const MetricValues mean = MeanOf(values, users);
    for (size_t i = 0; i < kNumMetrics; ++i) resampled[i].push_back(mean[i]);
  });
  const MetricValues mean = MeanOf(values);
  MetricTable table;
  for (size_t i = 0; i < kNumMetrics; ++i) table[i] = MakeInterval(mean[i], resampled[i]);
  return table;
}

ChangeTable RelativeChanges(std::span<const int> before, std::span<const int> after) {
  const std::vector<MetricValues> values_before = ValuesOfRanks(before);
  const std::vector<MetricValues> values_after = ValuesOfRanks(after);
  std::array<std::vector<double>, kNumMetrics> resampled;
  ForEachResample(before.size(), [&](std::span<const size_t> users) {
    const MetricValues mean_before = MeanOf(values_before, users);
    const MetricValues mean_after = MeanOf(values_after, users);
    for (size_t i = 0; i < kNumMetrics; ++i) {
      if (mean_before[i] > 0) resampled[i].push_back(Change(mean_before[i], mean_after[i]));
    }
  });
  const MetricValues mean_before = MeanOf(values_before);
  const MetricValues mean_after = MeanOf(values_after);
  ChangeTable table;
  for (size_t i = 0; i < kNumMetrics; ++i) {
    if (resampled[i].empty()) continue;
    table[i] = MakeInterval(Change(mean_before[i], mean_after[i]), resampled[i]);
  }
  return table;
}

Interval SummarizeValues(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  std::vector<double> resampled;
  ForEachResample(values.size(), [&](std::span<const size_t> users) {
    double sum = 0;
    for (const size_t user : users) sum += values[user];
    resampled.push_back(sum / count);
  });
  return MakeInterval(std::accumulate(values.begin(), values.end(), 0.0) / count, resampled);
}

}  // namespace halfling
