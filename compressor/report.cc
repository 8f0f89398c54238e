#include "compressor/report.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "compressor/io/json_text.h"

namespace halfling {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string Change(int64_t before, int64_t after) {
  return before == 0
             ? ""
             : FormatPercent(static_cast<double>(after - before) / static_cast<double>(before));
}

void AddCountRow(TextTable& table, const std::string& name, int64_t before, int64_t after) {
  table.AddRow({name, FormatCount(before), FormatCount(after), Change(before, after)});
}

void AddMetricRows(TextTable& table, const MetricsRecord& metrics) {
  for (const Metric metric : kMetrics) {
    const auto i = static_cast<size_t>(metric);
    const Interval& before = metrics.before[i];
    const Interval& after = metrics.after[i];
    std::string change;
    if (metric == Metric::kNdcg10) {
      change = FormatChange(metrics.ndcg10_relative_change);
    } else if (before.mean > 0) {
      change = FormatPercent((after.mean - before.mean) / before.mean);
    }
    table.AddRow(
        {std::string(MetricName(metric)), FormatInterval(before), FormatInterval(after), change});
  }
  if (metrics.divergence) {
    table.AddRow({"KL, nats an item", "", FormatInterval(*metrics.divergence), ""});
  }
  if (metrics.overlap) table.AddRow({"overlap@10", "", FormatInterval(*metrics.overlap), ""});
}

// "18 pivoted in int8 (rank 8 to 160), 3 dense in int8": what became of the linears.
std::string ChosenForms(const CompressionDetails& details) {
  struct Form {
    size_t count = 0;
    int64_t least_rank = std::numeric_limits<int64_t>::max();
    int64_t largest_rank = 0;
  };
  std::map<std::pair<std::string, std::string>, Form> forms;
  for (const MatrixDetails& matrix : details.matrices) {
    Form& form = forms[{matrix.storage, matrix.dtype}];
    ++form.count;
    form.least_rank = std::min(form.least_rank, matrix.rank);
    form.largest_rank = std::max(form.largest_rank, matrix.rank);
  }
  std::string text;
  for (const auto& [name, form] : forms) {
    const auto& [storage, dtype] = name;
    if (!text.empty()) text += ", ";
    text += std::to_string(form.count) + " " + storage + " in " + dtype;
    if (storage == "dense") continue;
    text += " (rank " + std::to_string(form.least_rank);
    if (form.largest_rank > form.least_rank) text += " to " + std::to_string(form.largest_rank);
    text += ")";
  }
  return text;
}

OrderedJson SizeToJson(const ModelSize& size) {
  return {{"parameters", size.parameters},
          {"linear_parameters", size.linear_parameters},
          {"bytes", size.bytes}};
}

}  // namespace

std::string CompressText(const CompressReport& report, const std::string& output) {
  const Manifest& manifest = report.manifest;
  const CompressionRecord& compression = manifest.compression;
  TextTable table({"", "before", "after", "change"});
  AddCountRow(table, "parameters", compression.original.parameters, manifest.model.parameters);
  AddCountRow(table, "of these linear", compression.original.linear_parameters,
              manifest.model.linear_parameters);
  AddCountRow(table, "bytes of weights", compression.original.bytes, manifest.model.bytes);
  if (manifest.metrics) AddMetricRows(table, *manifest.metrics);

  std::string text = table.ToString();
  if (manifest.metrics) {
    text += FormatCount(manifest.metrics->users) + " test users, beam " +
            std::to_string(manifest.metrics->beam) + ", " +
            SeenItemsText(manifest.metrics->exclude_seen) +
            "; 95% bootstrap intervals over users\n";
    if (manifest.metrics->exclude_seen) text += SeenTargetsText(report.seen_targets);
  }
  text += output + ": " + compression.method + ", keep " + FormatNumber("%.3g", compression.keep) +
          ", " + compression.dtype + ", " + FormatCount(compression.calibration_users) +
          " calibration users, " + FormatNumber("%.1f s", compression.seconds) + " to compress, " +
          FormatNumber("%.1f s", report.total_seconds) + " in all\n" +
          "linear layers: " + ChosenForms(report.details) + "; halfling inspect lists them\n";
  return text;
}

std::string CompressJson(const CompressReport& report, const std::string& output) {
  const Manifest& manifest = report.manifest;
  OrderedJson json = {{"output", output},
                      {"manifest", OrderedJson::parse(ManifestToJson(manifest))},
                      {"before", SizeToJson(manifest.compression.original)},
                      {"after", SizeToJson(manifest.model)},
                      {"total_seconds", report.total_seconds}};
  return JsonText(json, 2);
}

std::string RecommendText(const RecommendReport& report) {
  TextTable table({"rank", "score", "id", "title"});
  for (size_t i = 0; i < report.lines.size(); ++i) {
    const RecommendReport::Line& line = report.lines[i];
    table.AddRow({std::to_string(i + 1), FormatNumber("%.3f", line.score), line.item.id,
                  line.item.title.value_or("")});
  }
  return table.ToString() + FormatNumber("%.1f ms, ", report.milliseconds) +
         std::to_string(report.search.nodes_run) + " nodes run, " +
         (report.search.exact ? "proven exact\n" : "not proven exact\n");
}

std::string RecommendJson(const RecommendReport& report) {
  OrderedJson items = OrderedJson::array();
  for (size_t i = 0; i < report.lines.size(); ++i) {
    const RecommendReport::Line& line = report.lines[i];
    OrderedJson entry = {{"rank", i + 1}, {"id", line.item.id}, {"index", line.index}};
    if (line.item.title) entry["title"] = *line.item.title;
    // As a double it is written with enough digits to give the same float back.
    entry["score"] = static_cast<double>(line.score);
    items.push_back(std::move(entry));
  }
  const OrderedJson json = {{"items", std::move(items)},
                            {"exact", report.search.exact},
                            {"nodes_run", report.search.nodes_run},
                            {"milliseconds", report.milliseconds}};
  return JsonText(json, 2);
}

}  // namespace halfling
