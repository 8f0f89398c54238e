#include "compressor/stages/choose_plan.h"

#include <algorithm>
#include <string>

#include "compressor/stages/allocate.h"

namespace halfling {
namespace {

// Shares at which a survey tries its replacements: far enough from nothing and from everything to
// say something of both.
constexpr double kLeastReference = 0.15;
constexpr double kMostReference = 0.6;

int64_t Int8Bytes(const ModelConfig& config) {
  int64_t bytes = 0;
  for (const LinearKind kind : kLinearKinds) {
    bytes += NumBytes(LinearShapeOf(config, kind), {Storage::kDense, DType::kI8, 0});
  }
  return bytes * config.num_layers;
}

ModelPlan AsStored(const ModelConfig& config,
                   const std::function<DType(int layer, LinearKind kind)>& stored_dtype) {
  ModelPlan plan(static_cast<size_t>(config.num_layers));
  for (int layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      plan[static_cast<size_t>(layer)][static_cast<size_t>(kind)].dtype = stored_dtype(layer, kind);
    }
  }
  return plan;
}

Result<ModelPlan> Allocate(const SizeGoal& goal, const ModelConfig& config,
                           const SurveyRunner& run_survey) {
  const auto* keep = std::get_if<KeepShare>(&goal);
  if (keep != nullptr && keep->share >= 1.0) {
    return UniformPlan(config, 1.0, Storage::kDense, keep->dtype);
  }
  const auto* budget = std::get_if<ByteBudget>(&goal);
  const double share =
      keep != nullptr ? keep->share
                      : static_cast<double>(budget->bytes) / static_cast<double>(Int8Bytes(config));
  HALFLING_RETURN_IF_ERROR(keep != nullptr
                               ? CheckKeep(config, keep->share, keep->dtype)
                               : CheckByteBudget(config, budget->bytes, budget->others));
  const auto allocate = [&](const Survey& survey) {
    return keep != nullptr ? AllocateParameters(config, survey, keep->share, keep->dtype)
                           : AllocateBytes(config, survey, budget->bytes);
  };
  HALFLING_ASSIGN_OR_RETURN(
      Survey survey,
      run_survey(UniformPlan(config, std::clamp(share, kLeastReference, kMostReference),
                             Storage::kPivoted, DType::kI8),
                 nullptr));
  // What a rank costs the ranking is no straight line: a second survey looks near the ranks that
  // the first one suggests.
  HALFLING_ASSIGN_OR_RETURN(const ModelPlan first, allocate(survey));
  HALFLING_ASSIGN_OR_RETURN(survey, run_survey(first, &survey));
  return allocate(survey);
}

}  // namespace

std::string_view MethodName(CompressionMethod method) {
  switch (method) {
    case CompressionMethod::kNone:
      return "none";
    case CompressionMethod::kInt8:
      return "int8";
    case CompressionMethod::kInt4:
      return "int4";
    case CompressionMethod::kSvd:
      return "svd";
    case CompressionMethod::kSvdLlm:
      return "svd-llm";
    case CompressionMethod::kOdLlm:
      return "od-llm";
    case CompressionMethod::kHalfling:
      break;
  }
  return "halfling";
}

FitMethod FitMethodOf(CompressionMethod method) {
  switch (method) {
    case CompressionMethod::kNone:
    case CompressionMethod::kSvd:
      return FitMethod::kSvd;
    case CompressionMethod::kInt8:
    case CompressionMethod::kInt4:
      return FitMethod::kRounding;
    case CompressionMethod::kSvdLlm:
      return FitMethod::kWhitenedSvd;
    case CompressionMethod::kOdLlm:
      return FitMethod::kAlignedSvd;
    case CompressionMethod::kHalfling:
      break;
  }
  return FitMethod::kRegression;
}

Result<ModelPlan> ChoosePlan(CompressionMethod method, const SizeGoal& goal,
                             const ModelConfig& config, const SurveyRunner& survey,
                             const std::function<DType(int layer, LinearKind kind)>& stored_dtype) {
  if (method == CompressionMethod::kHalfling) return Allocate(goal, config, survey);
  const auto* keep = std::get_if<KeepShare>(&goal);
  if (keep == nullptr) {
    return Fail(ErrorCode::kInvalidRequest, "--budget: only the method halfling spends one; --method ",
                MethodName(method), " takes --keep, where it takes a size at all");
  }
  switch (method) {
    case CompressionMethod::kNone:
      return AsStored(config, stored_dtype);
    case CompressionMethod::kInt8:
      return UniformPlan(config, 1.0, Storage::kDense, DType::kI8);
    case CompressionMethod::kInt4:
      return UniformPlan(config, 1.0, Storage::kDense, DType::kU8);
    case CompressionMethod::kSvd:
    case CompressionMethod::kSvdLlm:
    case CompressionMethod::kOdLlm:
    case CompressionMethod::kHalfling:
      break;
  }
  return UniformPlan(config, keep->share, Storage::kLowRank, keep->dtype);
}

}  // namespace halfling
