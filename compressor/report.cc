#include "compressor/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace halfling {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string Format(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string FormatPercent(double share) { return Format("%+.1f%%", 100 * share); }

// "-1.1% [-6.4%, +4.5%]"
std::string FormatChange(const Interval& relative) {
  return FormatPercent(relative.mean) + " [" + FormatPercent(relative.low) + ", " +
         FormatPercent(relative.high) + "]";
}

// Columns as wide as they look: bytes that continue a UTF-8 character take no room.
size_t DisplayWidth(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

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
}

std::string ComparisonText(const EvaluateReport& report) {
  if (!report.against) return "";
  return "ndcg@10 against " + report.against->directory + ": " +
         FormatChange(report.against->ndcg10_relative_change) + "\n";
}

OrderedJson SizeToJson(const ModelSize& size) {
  return {{"parameters", size.parameters},
          {"linear_parameters", size.linear_parameters},
          {"bytes", size.bytes}};
}

}  // namespace

std::string TextTable::ToString() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - DisplayWidth(row[i]), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string FormatInterval(const Interval& interval) {
  return Format("%.4f", interval.mean) + " [" + Format("%.4f", interval.low) + ", " +
         Format("%.4f", interval.high) + "]";
}

std::string FormatCount(int64_t count) {
  std::string digits = std::to_string(count);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<size_t>(i), 1, ',');
  }
  return digits;
}

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
            std::to_string(manifest.metrics->beam) + "; 95% bootstrap intervals over users\n";
  }
  text += output + ": " + compression.method + ", keep " + Format("%g", compression.keep) + ", " +
          compression.dtype + ", " + FormatCount(compression.calibration_users) +
          " calibration users, " + Format("%.1f s", compression.seconds) + " to compress, " +
          Format("%.1f s", report.total_seconds) + " in all\n";
  return text;
}

std::string CompressJson(const CompressReport& report, const std::string& output) {
  const Manifest& manifest = report.manifest;
  OrderedJson json = {{"output", output},
                      {"manifest", OrderedJson::parse(ManifestToJson(manifest))},
                      {"before", SizeToJson(manifest.compression.original)},
                      {"after", SizeToJson(manifest.model)},
                      {"total_seconds", report.total_seconds}};
  return json.dump(2) + "\n";
}

std::string EvaluateText(const EvaluateReport& report) {
  TextTable table({"", "the item itself", "collisions counted"});
  for (const Metric metric : kMetrics) {
    const auto i = static_cast<size_t>(metric);
    table.AddRow({std::string(MetricName(metric)), FormatInterval(report.strict[i]),
                  FormatInterval(report.by_code[i])});
  }
  return table.ToString() + FormatCount(static_cast<int64_t>(report.users)) + " users of the " +
         report.split + " split, beam " + std::to_string(report.beam) + ", seen items " +
         (report.exclude_seen ? "excluded" : "allowed") + "; 95% bootstrap intervals over users; " +
         Format("%.1f s", report.seconds) + "\n" + ComparisonText(report);
}

std::string EvaluateJson(const EvaluateReport& report) {
  OrderedJson json = {{"directory", report.directory},
                      {"split", report.split},
                      {"users", report.users},
                      {"beam", report.beam},
                      {"exclude_seen", report.exclude_seen},
                      {"seconds", report.seconds},
                      {"metrics", MetricTableToJson(report.strict)},
                      {"metrics_collision_counted", MetricTableToJson(report.by_code)}};
  if (report.against) {
    json["against"] = report.against->directory;
    json["ndcg@10_relative_change"] = IntervalToJson(report.against->ndcg10_relative_change);
  }
  return json.dump(2) + "\n";
}

std::string RecommendText(const RecommendReport& report) {
  TextTable table({"rank", "score", "id", "title"});
  for (size_t i = 0; i < report.lines.size(); ++i) {
    const RecommendReport::Line& line = report.lines[i];
    table.AddRow({std::to_string(i + 1), Format("%.3f", line.score), line.item.id,
                  line.item.title.value_or("")});
  }
  return table.ToString() + Format("%.1f ms\n", report.milliseconds);
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
  const OrderedJson json = {{"items", std::move(items)}, {"milliseconds", report.milliseconds}};
  return json.dump(2) + "\n";
}

}  // namespace halfling
