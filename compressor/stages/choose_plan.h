// Stage 4: which form every linear takes, by method and size.
#ifndef HALFLING_COMPRESSOR_STAGES_CHOOSE_PLAN_H_
#define HALFLING_COMPRESSOR_STAGES_CHOOSE_PLAN_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <variant>

#include "compressor/stages/fit_linear.h"
#include "compressor/stages/plan.h"
#include "compressor/stages/survey.h"

namespace halfling {

enum class CompressionMethod { kNone, kInt8, kInt4, kSvd, kSvdLlm, kOdLlm, kHalfling };

std::string_view MethodName(CompressionMethod method);  // "none", "int8", …
FitMethod FitMethodOf(CompressionMethod method);
struct KeepShare {
  double share = 0.5;        // of the linear layers' parameters, in (0, 1]
  DType dtype = DType::kI8;  // of what stays
};
struct ByteBudget {
  int64_t bytes = 0;   // for the tensors of all linears, their headers included
  int64_t others = 0;  // what else the files hold: only for the message that all is too little
};
using SizeGoal = std::variant<KeepShare, ByteBudget>;

// Surveys the original with these reference ranks, for the first time or after `earlier`.
using SurveyRunner =
    std::function<Result<Survey>(const ModelPlan& reference, const Survey* earlier)>;

// kHalfling spends its goal by two surveys (allocate.h), and refuses one that nothing meets before
// them (kInvalidRequest, with the least that would do); the other factorizations give every linear
// the same share, and no other method takes a ByteBudget (kInvalidRequest). For kNone, `stored_dtype` says in what
// each linear comes.
Result<ModelPlan> ChoosePlan(CompressionMethod method, const SizeGoal& goal,
                             const ModelConfig& config, const SurveyRunner& survey,
                             const std::function<DType(int layer, LinearKind kind)>& stored_dtype);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_CHOOSE_PLAN_H_
