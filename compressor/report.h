// What the commands say: tables for people, JSON for machines.
#ifndef HALFLING_COMPRESSOR_REPORT_H_
#define HALFLING_COMPRESSOR_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "compressor/evaluation/metrics.h"
#include "compressor/open_model.h"
#include "compressor/pipeline.h"

namespace halfling {

// A text table: first column flush left, the others right. Rows as long as the header.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "0.1122 [0.1083, 0.1161]"
std::string FormatInterval(const Interval& interval);
// "1,234,567"
std::string FormatCount(int64_t count);

struct EvaluateReport {
  std::string directory;
  std::string split;
  size_t users = 0;
  int beam = 20;
  bool exclude_seen = true;
  double seconds = 0;
  MetricTable strict;
  MetricTable by_code;  // collisions count as hits
  struct Comparison {
    std::string directory;
    Interval ndcg10_relative_change;  // from that model to this one, paired by user
  };
  std::optional<Comparison> against;
};

struct RecommendReport {
  struct Line {
    CatalogItem item;
    int index = 0;
    float score = 0;
  };
  std::vector<Line> lines;  // best first
  double milliseconds = 0;
};

std::string CompressText(const CompressReport& report, const std::string& output);
std::string CompressJson(const CompressReport& report, const std::string& output);
std::string EvaluateText(const EvaluateReport& report);
std::string EvaluateJson(const EvaluateReport& report);
std::string RecommendText(const RecommendReport& report);
std::string RecommendJson(const RecommendReport& report);
std::string InspectText(const OpenedModel& opened, const std::string& directory);
std::string InspectJson(const OpenedModel& opened, const std::string& directory);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_REPORT_H_
