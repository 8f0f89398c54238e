#include "compressor/evaluation/metrics.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/catch.h"
#include "tests/compressor/tiny_checkpoint.h"

namespace halfling {
namespace {

template <typename Table>
const auto& Of(const Table& table, Metric metric) {
  return table[static_cast<size_t>(metric)];
}

}  // namespace

TEST_CASE("metrics of a rank are as calculated by hand") {
  CHECK(MetricOfRank(Metric::kHr1, 1) == 1.0);
  CHECK(MetricOfRank(Metric::kHr1, 2) == 0.0);
  CHECK(MetricOfRank(Metric::kHr5, 5) == 1.0);
  CHECK(MetricOfRank(Metric::kHr5, 6) == 0.0);
  CHECK(MetricOfRank(Metric::kHr10, 10) == 1.0);
  CHECK(MetricOfRank(Metric::kHr10, 11) == 0.0);
  CHECK(MetricOfRank(Metric::kNdcg5, 1) == 1.0);
  CHECK(MetricOfRank(Metric::kNdcg5, 3) == Approx(0.5));
  CHECK(MetricOfRank(Metric::kNdcg5, 6) == 0.0);
  CHECK(MetricOfRank(Metric::kNdcg10, 7) == Approx(1.0 / 3.0));
  for (const Metric metric : kMetrics) CHECK(MetricOfRank(metric, 0) == 0.0);
}

TEST_CASE("metrics of many users are numpy's, their intervals scipy's") {
  const auto golden =
      nlohmann::json::parse(testing::ReadText("tests/golden/linalg.json"))["metrics"];
  const auto ranks = golden["ranks"].get<std::vector<int>>();
  const MetricTable table = SummarizeRanks(ranks);
  for (const Metric metric : kMetrics) {
    const auto& expected = golden["expected"][std::string(MetricName(metric))];
    const Interval& interval = Of(table, metric);
    CAPTURE(MetricName(metric));
    CHECK(interval.mean == Approx(expected["mean"].get<double>()).epsilon(1e-12));
    // Two bootstraps agree to a fraction of the interval's width.
    const double width = expected["high"].get<double>() - expected["low"].get<double>();
    CHECK(std::abs(interval.low - expected["low"].get<double>()) < 0.1 * width);
    CHECK(std::abs(interval.high - expected["high"].get<double>()) < 0.1 * width);
  }
}

TEST_CASE("the bootstrap is reproducible") {
  std::vector<int> ranks;
  for (int i = 0; i < 200; ++i) ranks.push_back(i % 13);
  const Interval first = Of(SummarizeRanks(ranks), Metric::kNdcg10);
  CHECK(first.low < first.mean);
  CHECK(first.low == Of(SummarizeRanks(ranks), Metric::kNdcg10).low);
}

TEST_CASE("a comparison is paired: what both models share cancels") {
  std::vector<int> before;
  for (int i = 0; i < 300; ++i) before.push_back(i % 21);
  for (const std::optional<Interval>& same : RelativeChanges(before, before)) {
    REQUIRE(same.has_value());
    CHECK(same->mean == 0.0);
    CHECK(same->low == 0.0);
    CHECK(same->high == 0.0);
  }

  // Half of the hits at rank 1 fall out of the list.
  std::vector<int> after = before;
  double lost = 0;
  double total = 0;
  for (size_t i = 0; i < after.size(); ++i) {
    total += MetricOfRank(Metric::kNdcg10, before[i]);
    if (after[i] == 1 && i % 2 == 0) {
      after[i] = 0;
      lost += 1;
    }
  }
  const ChangeTable changes = RelativeChanges(before, after);
  const Interval worse = Of(changes, Metric::kNdcg10).value();
  CHECK(worse.mean == Approx(-lost / total));
  CHECK(worse.high < 0);
  CHECK(worse.low < worse.mean);
  const auto first = static_cast<double>(std::ranges::count(before, 1));
  CHECK(Of(changes, Metric::kHr1).value().mean == Approx(-lost / first));
}

TEST_CASE("values that are hits have the metric's interval") {
  std::vector<int> ranks;
  std::vector<double> hits;
  for (int i = 0; i < 150; ++i) {
    ranks.push_back(i % 17);
    hits.push_back(MetricOfRank(Metric::kHr10, ranks.back()));
  }
  const Interval expected = Of(SummarizeRanks(ranks), Metric::kHr10);
  const Interval summarized = SummarizeValues(hits);
  CHECK(summarized.mean == expected.mean);
  CHECK(summarized.low == expected.low);
  CHECK(summarized.high == expected.high);
}

TEST_CASE("users without a single hit have a certain zero") {
  const std::vector<int> ranks(50, 0);
  const MetricTable table = SummarizeRanks(ranks);
  CHECK(Of(table, Metric::kHr10).high == 0.0);
}

TEST_CASE("nothing is no share of nothing") {
  std::vector<int> before(40, 0);
  std::vector<int> after = before;
  before[0] = 7;  // the only hit, among the first ten
  after[0] = 2;   // and then among the first five
  const ChangeTable changes = RelativeChanges(before, after);
  CHECK_FALSE(Of(changes, Metric::kNdcg5).has_value());
  // A resample without that user says nothing; all others say the same.
  const Interval better = Of(changes, Metric::kNdcg10).value();
  CHECK(better.mean == Approx(std::log2(8.0) / std::log2(3.0) - 1));
  CHECK(better.low == Approx(better.mean));
  CHECK(better.high == Approx(better.mean));
}

}  // namespace halfling
