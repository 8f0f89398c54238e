// What the report's page shows, as the JSON that page.js reads.
#ifndef HALFLING_COMPRESSOR_HTML_REPORT_REPORT_DATA_H_
#define HALFLING_COMPRESSOR_HTML_REPORT_REPORT_DATA_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compressor/evaluation/compare.h"
#include "compressor/html_report/part_sizes.h"
#include "compressor/model_directory/compression_details.h"
#include "compressor/open_model.h"

namespace halfling {

inline constexpr size_t kShownSessions = 10;

// One of the two models, opened, measured and ranked on the same examples.
struct ReportedModel {
  std::string directory;
  const OpenedModel& opened;
  PartSizes parts;
  const TargetRanks& ranks;
};

struct ReportInput {
  ReportedModel original;
  ReportedModel compressed;  // a model directory: its manifest is there
  std::optional<CompressionDetails> details;
  const std::vector<Example>& examples;
  RankingOptions ranking;
};

// The users whose lists have least in common, at most `count`: by overlap, then by the distance of
// the target's ranks (a target that left or entered the list goes first), then in their order.
std::vector<size_t> MostChanged(const TargetRanks& before, const TargetRanks& after, size_t count);

nlohmann::ordered_json MakeReportData(const ReportInput& input);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_HTML_REPORT_REPORT_DATA_H_
