// What the other commands say: tables for people, JSON for machines.
#ifndef HALFLING_COMPRESSOR_REPORT_H_
#define HALFLING_COMPRESSOR_REPORT_H_

#include <string>
#include <vector>

#include "compressor/open_model.h"
#include "compressor/pipeline.h"
#include "compressor/text_table.h"

namespace halfling {

struct RecommendReport {
  struct Line {
    CatalogItem item;
    int index = 0;
    float score = 0;
  };
  std::vector<Line> lines;  // best first
  SearchStats search;
  double milliseconds = 0;
};

std::string CompressText(const CompressReport& report, const std::string& output);
std::string CompressJson(const CompressReport& report, const std::string& output);
std::string RecommendText(const RecommendReport& report);
std::string RecommendJson(const RecommendReport& report);
std::string InspectText(const OpenedModel& opened, const std::string& directory);
std::string InspectJson(const OpenedModel& opened, const std::string& directory);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_REPORT_H_
