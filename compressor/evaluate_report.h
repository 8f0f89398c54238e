// What `halfling evaluate` says.
#ifndef HALFLING_COMPRESSOR_EVALUATE_REPORT_H_
#define HALFLING_COMPRESSOR_EVALUATE_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "compressor/evaluation/compare.h"

namespace halfling {

// What the searches of all users took.
struct SearchSummary {
  double nodes_mean = 0;  // tokens run beyond the prompt
  int nodes_p99 = 0;
  double batches_mean = 0;
  double exact_share = 0;  // of the users whose list is proven to be the best
};

SearchSummary SummarizeSearches(const std::vector<SearchStats>& searches);

struct EvaluateReport {
  struct Model {
    std::string directory;
    double seconds = 0;                // to rank all users
    double milliseconds_per_user = 0;  // as TargetRanks has it
    double milliseconds_p99 = 0;
    SearchSummary search;
    MetricTable strict;
    MetricTable by_code;  // collisions count as hits
    std::optional<Comparison> comparison;
  };
  std::string split;
  size_t users = 0;
  SearchMethod search = SearchMethod::kBeam;
  int beam = 20;
  int limit = 20;  // length of the lists
  bool exclude_seen = true;
  size_t seen_targets = 0;  // CountSeenTargets
  std::string against;  // empty: the models are compared with nothing
  std::vector<Model> models;
};

// One model's metrics in full, or a line for each of several.
std::string EvaluateText(const EvaluateReport& report);
std::string EvaluateJson(const EvaluateReport& report);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATE_REPORT_H_
