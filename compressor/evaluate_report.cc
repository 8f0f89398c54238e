#include "compressor/evaluate_report.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "compressor/evaluation/percentile.h"
#include "compressor/io/json_text.h"
#include "compressor/model_directory/manifest.h"
#include "compressor/text_table.h"

namespace halfling {
namespace {

template <typename Table>
const auto& Of(const Table& table, Metric metric) {
  return table[static_cast<size_t>(metric)];
}

bool IsExact(const EvaluateReport& report) { return report.search == SearchMethod::kExact; }

std::string DivergenceText(const Comparison& comparison) {
  return comparison.divergence ? FormatInterval(*comparison.divergence) : "other codes";
}

std::string OneModelText(const EvaluateReport& report) {
  const EvaluateReport::Model& model = report.models.front();
  std::vector<std::string> header = {"", "the item itself", "collisions counted"};
  if (model.comparison) header.emplace_back("change");
  TextTable table(std::move(header));
  for (const Metric metric : kMetrics) {
    std::vector<std::string> row = {std::string(MetricName(metric)),
                                    FormatInterval(Of(model.strict, metric)),
                                    FormatInterval(Of(model.by_code, metric))};
    if (model.comparison) {
      row.push_back(FormatChange(Of(model.comparison->relative_change, metric)));
    }
    table.AddRow(std::move(row));
  }
  std::string text = table.ToString();
  if (model.comparison) {
    text += "against " + report.against + ": KL(it || this) " + DivergenceText(*model.comparison) +
            " nats an item, overlap@10 " + FormatInterval(model.comparison->overlap) + "\n";
  }
  return text + FormatNumber("%.2f ms", model.milliseconds_per_user) + " a user (p99 " +
         FormatNumber("%.2f ms), ", model.milliseconds_p99) +
         FormatNumber("%.1f s", model.seconds) + " in all; " +
         FormatNumber("%.0f nodes run", model.search.nodes_mean) + " (p99 " +
         std::to_string(model.search.nodes_p99) + "), " +
         FormatNumber("%.1f%% of the lists proven exact\n", 100 * model.search.exact_share);
}

std::string ManyModelsText(const EvaluateReport& report) {
  std::vector<std::string> header = {"", "ndcg@10", "hr@10", "ms a user"};
  const bool compared = !report.against.empty();
  if (compared) {
    header.insert(header.end(), {"change of ndcg@10", "KL, nats an item", "overlap@10"});
  }
  TextTable table(std::move(header));
  for (const EvaluateReport::Model& model : report.models) {
    std::vector<std::string> row = {model.directory,
                                    FormatInterval(Of(model.strict, Metric::kNdcg10)),
                                    FormatInterval(Of(model.strict, Metric::kHr10)),
                                    FormatNumber("%.2f", model.milliseconds_per_user)};
    if (model.comparison) {
      const Comparison& comparison = *model.comparison;
      row.insert(row.end(), {FormatChange(Of(comparison.relative_change, Metric::kNdcg10)),
                             DivergenceText(comparison), FormatInterval(comparison.overlap)});
    }
    table.AddRow(std::move(row));
  }
  return table.ToString() + (compared ? "against " + report.against + "\n" : "");
}

nlohmann::ordered_json ComparisonToJson(const Comparison& comparison, const std::string& against) {
  return {{"directory", against},
          {"metrics_relative_change", ChangeTableToJson(comparison.relative_change)},
          {"divergence", IntervalToJson(comparison.divergence)},
          {"overlap@10", IntervalToJson(comparison.overlap)}};
}

}  // namespace

SearchSummary SummarizeSearches(const std::vector<SearchStats>& searches) {
  SearchSummary summary;
  if (searches.empty()) return summary;
  std::vector<int> nodes;
  for (const SearchStats& search : searches) {
    nodes.push_back(search.nodes_run);
    summary.nodes_mean += search.nodes_run;
    summary.batches_mean += search.batches;
    summary.exact_share += search.exact ? 1 : 0;
  }
  const auto count = static_cast<double>(searches.size());
  summary.nodes_mean /= count;
  summary.batches_mean /= count;
  summary.exact_share /= count;
  summary.nodes_p99 = PercentileOf(std::move(nodes), 99);
  return summary;
}

std::string EvaluateText(const EvaluateReport& report) {
  return (report.models.size() == 1 ? OneModelText(report) : ManyModelsText(report)) +
         FormatCount(static_cast<int64_t>(report.users)) + " users of the " + report.split +
         " split, " + (IsExact(report) ? "exact search" : "beam " + std::to_string(report.beam)) +
         ", " + SeenItemsText(report.exclude_seen) + "; 95% bootstrap intervals over users\n" +
         (report.exclude_seen ? SeenTargetsText(report.seen_targets) : "");
}

std::string EvaluateJson(const EvaluateReport& report) {
  nlohmann::ordered_json models = nlohmann::ordered_json::array();
  for (const EvaluateReport::Model& model : report.models) {
    nlohmann::ordered_json entry = {
        {"directory", model.directory},
        {"seconds", model.seconds},
        {"milliseconds_per_user", model.milliseconds_per_user},
        {"milliseconds_p99", model.milliseconds_p99},
        {"nodes_run", {{"mean", model.search.nodes_mean}, {"p99", model.search.nodes_p99}}},
        {"batches", model.search.batches_mean},
        {"exact_share", model.search.exact_share},
        {"metrics", MetricTableToJson(model.strict)},
        {"metrics_collision_counted", MetricTableToJson(model.by_code)}};
    if (model.comparison) entry["against"] = ComparisonToJson(*model.comparison, report.against);
    models.push_back(std::move(entry));
  }
  const nlohmann::ordered_json json = {{"split", report.split},
                                       {"users", report.users},
                                       {"search", IsExact(report) ? "exact" : "beam"},
                                       {"beam", report.beam},
                                       {"limit", report.limit},
                                       {"exclude_seen", report.exclude_seen},
                                       {"seen_targets", report.seen_targets},
                                       {"models", std::move(models)}};
  return JsonText(json, 2);
}

}  // namespace halfling
