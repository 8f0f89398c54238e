// Which form each linear takes, so that a budget is spent where it matters most.
#ifndef HALFLING_COMPRESSOR_STAGES_ALLOCATE_H_
#define HALFLING_COMPRESSOR_STAGES_ALLOCATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "compressor/stages/plan.h"
#include "compressor/stages/survey.h"
#include "engine/base/result.h"

namespace halfling {

// One way to store a linear.
struct Candidate {
  LinearPlan plan;
  int64_t cost = 0;  // in the budget's unit
  double loss = 0;
};

// For each linear the index of one of its candidates, of the least sum of losses among those whose
// costs sum up to at most `budget`: a multiple-choice knapsack, by dynamic programming over the
// budget. Exact for costs rounded up to 1/kBudgetSteps of the budget. kInvalidRequest, with the
// least possible sum, where nothing fits; `what` names budget and unit.
inline constexpr int64_t kBudgetSteps = 32'768;
Result<std::vector<size_t>> ChooseCandidates(const std::vector<std::vector<Candidate>>& linears,
                                             int64_t budget, const std::string& what);

// Whether AllocateParameters finds a plan, which no survey has a say in: else kInvalidRequest, with
// the least share for which it does.
Status CheckKeep(const ModelConfig& config, double keep, DType dtype);

// The same of AllocateBytes. The message counts `others`, the files' other bytes, to both numbers.
Status CheckByteBudget(const ModelConfig& config, int64_t bytes, int64_t others);

// Every linear pivoted, in `dtype`, at a rank of its own, or dense: at most the share `keep` of all
// their parameters stays.
Result<ModelPlan> AllocateParameters(const ModelConfig& config, const Survey& survey, double keep,
                                     DType dtype);

// The same with the precision free as well (dense f16, int8 or int4, pivoted int8): at most `bytes`
// for the tensors of all linears, their headers included.
Result<ModelPlan> AllocateBytes(const ModelConfig& config, const Survey& survey, int64_t bytes);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_ALLOCATE_H_
