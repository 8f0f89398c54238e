#include "compressor/html_report/report_data.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

namespace halfling {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kShownHistory = 12;  // items, the last ones
constexpr int kLeftTheList = 1'000;   // further than any rank moves within a list

int RankMove(int before, int after) {
  if ((before == 0) != (after == 0)) return kLeftTheList;
  return std::abs(before - after);
}

OrderedJson ModelJson(const ReportedModel& model) {
  OrderedJson parts = OrderedJson::array();
  for (const Part part : kParts) parts.push_back(model.parts[static_cast<size_t>(part)]);
  return {{"directory", model.directory},
          {"parameters", model.opened.size.parameters},
          {"linear_parameters", model.opened.size.linear_parameters},
          {"bytes", model.opened.size.bytes},
          {"part_bytes", std::move(parts)},
          {"milliseconds_per_user", model.ranks.milliseconds_per_user},
          {"metrics", MetricTableToJson(SummarizeRanks(model.ranks.strict))}};
}

OrderedJson EvaluationJson(const ReportInput& input) {
  const Comparison comparison = Compare(input.original.ranks, input.compressed.ranks);
  return {{"split", "test"},
          {"users", input.examples.size()},
          {"beam", input.ranking.beam_width},
          {"exclude_seen", input.ranking.exclude_seen},
          {"metrics_relative_change", ChangeTableToJson(comparison.relative_change)},
          {"divergence", IntervalToJson(comparison.divergence)},
          {"overlap@10", IntervalToJson(comparison.overlap)}};
}

OrderedJson DetailsJson(const std::optional<CompressionDetails>& details) {
  return details ? OrderedJson::parse(CompressionDetailsToJson(*details)) : OrderedJson(nullptr);
}

OrderedJson Titles(std::span<const int> items, const Catalog& catalog) {
  OrderedJson titles = OrderedJson::array();
  for (const int item : items) {
    const CatalogItem& entry = catalog.item(item);
    titles.push_back(entry.title.value_or(entry.id));
  }
  return titles;
}

OrderedJson SessionJson(const ReportInput& input, size_t user) {
  const Example& example = input.examples[user];
  const Catalog& catalog = input.compressed.opened.catalog;
  const TargetRanks& before = input.original.ranks;
  const TargetRanks& after = input.compressed.ranks;
  const std::span<const int> history(example.history);
  const size_t shown = std::min(history.size(), kShownHistory);
  return {{"history", Titles(history.last(shown), catalog)},
          {"earlier", history.size() - shown},
          {"target", Titles(std::array{example.target}, catalog)[0]},
          {"rank_before", before.strict[user]},
          {"rank_after", after.strict[user]},
          // Item numbers tell which entries are the same; titles need not be unique.
          {"items_before", before.top[user]},
          {"items_after", after.top[user]},
          {"top_before", Titles(before.top[user], catalog)},
          {"top_after", Titles(after.top[user], catalog)},
          {"target_item", example.target}};
}

}  // namespace

std::vector<size_t> MostChanged(const TargetRanks& before, const TargetRanks& after, size_t count) {
  std::vector<size_t> users(before.top.size());
  std::iota(users.begin(), users.end(), size_t{0});
  const auto key = [&](size_t user) {
    return std::tuple(Overlap(before.top[user], after.top[user]),
                      -RankMove(before.strict[user], after.strict[user]), user);
  };
  std::ranges::sort(users, {}, key);
  if (users.size() > count) users.resize(count);
  return users;
}

OrderedJson MakeReportData(const ReportInput& input) {
  OrderedJson part_names = OrderedJson::array();
  for (const Part part : kParts) part_names.push_back(PartName(part));
  OrderedJson sessions = OrderedJson::array();
  for (const size_t user :
       MostChanged(input.original.ranks, input.compressed.ranks, kShownSessions)) {
    sessions.push_back(SessionJson(input, user));
  }
  return {{"manifest", OrderedJson::parse(ManifestToJson(*input.compressed.opened.manifest))},
          {"parts", std::move(part_names)},
          {"original", ModelJson(input.original)},
          {"compressed", ModelJson(input.compressed)},
          {"evaluation", EvaluationJson(input)},
          {"details", DetailsJson(input.details)},
          {"sessions", std::move(sessions)}};
}

}  // namespace halfling
