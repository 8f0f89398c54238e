#include "compressor/stages/allocate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halfling {
namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();

// Ranks are multiples of this: half a panel of the kernels.
constexpr int64_t kRankStep = 8;

// What a tensor's name, shape and place take in a file's header, about.
constexpr int64_t kHeaderBytesPerTensor = 130;

int64_t HeaderBytes(const LinearPlan& plan) {
  const int64_t matrices = plan.storage == Storage::kDense ? 1 : 2;
  const bool has_scales = plan.dtype == DType::kI8 || plan.dtype == DType::kU8;
  const int64_t tensors =
      matrices * (has_scales ? 2 : 1) + (plan.storage == Storage::kPivoted ? 1 : 0);
  return tensors * kHeaderBytesPerTensor;
}

// What the ranking loses by the plan, as an extrapolation of what was measured at the reference:
// KL(ref) E(plan) / E(ref), with E the squared error of the linear's outputs (LEMS, ICML 2026).
double ExpectedLoss(const SurveyedLinear& surveyed, const LinearPlan& plan) {
  double error =
      plan.storage == Storage::kDense ? 0 : surveyed.discarded[static_cast<size_t>(plan.rank)];
  if (plan.dtype == DType::kI8) error += surveyed.int8_error;
  if (plan.dtype == DType::kU8) error += surveyed.int4_error;
  if (!(surveyed.reference_error > 0)) return error;
  return surveyed.divergence * error / surveyed.reference_error;
}

// The pivoted forms smaller than the dense one.
std::vector<LinearPlan> PivotedPlans(const LinearShape& shape, DType dtype) {
  std::vector<LinearPlan> plans;
  const int64_t smaller = std::min(shape.out_dim, shape.in_dim);
  const LinearPlan dense = {Storage::kDense, dtype, 0};
  const int64_t step = std::min(kRankStep, std::max(int64_t{1}, smaller / 16));
  for (int64_t rank = step; rank < smaller; rank += step) {
    const LinearPlan plan = {Storage::kPivoted, dtype, rank};
    if (NumBytes(shape, plan) < NumBytes(shape, dense)) plans.push_back(plan);
  }
  return plans;
}

template <typename Plans, typename Cost>
Result<ModelPlan> Allocate(const ModelConfig& config, const Survey& survey, int64_t budget,
                           const std::string& what, const Plans& plans_of, const Cost& cost_of) {
  std::vector<std::vector<Candidate>> linears;
  for (const SurveyedLayer& layer : survey) {
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = LinearShapeOf(config, kind);
      std::vector<Candidate>& candidates = linears.emplace_back();
      for (const LinearPlan& plan : plans_of(shape)) {
        candidates.push_back(
            {plan, cost_of(shape, plan), ExpectedLoss(layer[static_cast<size_t>(kind)], plan)});
      }
    }
  }
  HALFLING_ASSIGN_OR_RETURN(const std::vector<size_t> chosen,
                            ChooseCandidates(linears, budget, what));
  ModelPlan plan(survey.size());
  for (size_t i = 0; i < linears.size(); ++i) {
    plan[i / kNumLinearKinds][i % kNumLinearKinds] = linears[i][chosen[i]].plan;
  }
  return plan;
}

}  // namespace

Result<std::vector<size_t>> ChooseCandidates(const std::vector<std::vector<Candidate>>& linears,
                                             int64_t budget, const std::string& what) {
  int64_t least = 0;
  for (const std::vector<Candidate>& candidates : linears) {
    least += std::ranges::min(candidates, {}, &Candidate::cost).cost;
  }
  const int64_t unit = std::max(int64_t{1}, (budget + kBudgetSteps - 1) / kBudgetSteps);
  const auto steps = static_cast<size_t>(std::max(int64_t{0}, budget) / unit);
  const auto in_steps = [unit](int64_t cost) {
    return static_cast<size_t>((cost + unit - 1) / unit);
  };

  // best[b]: the least loss of the linears so far within b steps.
  std::vector<double> best(steps + 1, 0.0);
  std::vector<std::vector<uint16_t>> choices;
  for (const std::vector<Candidate>& candidates : linears) {
    std::vector<double> next(steps + 1, kImpossible);
    std::vector<uint16_t>& choice = choices.emplace_back(steps + 1, 0);
    for (size_t c = 0; c < candidates.size(); ++c) {
      for (size_t b = in_steps(candidates[c].cost); b <= steps; ++b) {
        const double loss = best[b - in_steps(candidates[c].cost)] + candidates[c].loss;
        if (loss < next[b]) {
          next[b] = loss;
          choice[b] = static_cast<uint16_t>(c);
        }
      }
    }
    best = std::move(next);
  }
  if (best[steps] == kImpossible) {
    return Fail(ErrorCode::kInvalidRequest,
                what + ": too little; the smallest forms take " + std::to_string(least));
  }
  std::vector<size_t> chosen(linears.size());
  size_t left = steps;
  for (size_t i = linears.size(); i-- > 0;) {
    chosen[i] = choices[i][left];
    left -= in_steps(linears[i][chosen[i]].cost);
  }
  return chosen;
}

Result<ModelPlan> AllocateParameters(const ModelConfig& config, const Survey& survey, double keep,
                                     DType dtype) {
  const auto plans_of = [dtype](const LinearShape& shape) {
    std::vector<LinearPlan> plans = PivotedPlans(shape, dtype);
    plans.push_back({Storage::kDense, dtype, 0});
    return plans;
  };
  double total = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    total += static_cast<double>(shape.out_dim * shape.in_dim) * config.num_layers;
  }
  return Allocate(config, survey, static_cast<int64_t>(keep * total),
                  "--keep " + std::to_string(keep) + " of the linear layers' parameters", plans_of,
                  NumParameters);
}

Result<ModelPlan> AllocateBytes(const ModelConfig& config, const Survey& survey, int64_t bytes) {
  const auto plans_of = [](const LinearShape& shape) {
    std::vector<LinearPlan> plans = PivotedPlans(shape, DType::kI8);
    for (const DType dtype : {DType::kU8, DType::kI8, DType::kF16}) {
      plans.push_back({Storage::kDense, dtype, 0});
    }
    return plans;
  };
  const auto cost = [](const LinearShape& shape, const LinearPlan& plan) {
    return NumBytes(shape, plan) + HeaderBytes(plan);
  };
  return Allocate(config, survey, bytes, "--budget", plans_of, cost);
}

}  // namespace halfling
