#include "compressor/stages/allocate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compressor/text_table.h"

namespace halfling {
namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();

// Ranks are multiples of this, half a panel of the kernels, or of less in matrices of under 128
// rows or columns.
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

std::vector<LinearPlan> PlansOfDType(const LinearShape& shape, DType dtype) {
  std::vector<LinearPlan> plans = PivotedPlans(shape, dtype);
  plans.push_back({Storage::kDense, dtype, 0});
  return plans;
}

std::vector<LinearPlan> PlansOfAnyDType(const LinearShape& shape) {
  std::vector<LinearPlan> plans = PivotedPlans(shape, DType::kI8);
  for (const DType dtype : {DType::kU8, DType::kI8, DType::kF16}) {
    plans.push_back({Storage::kDense, dtype, 0});
  }
  return plans;
}

int64_t BytesWithHeaders(const LinearShape& shape, const LinearPlan& plan) {
  return NumBytes(shape, plan) + HeaderBytes(plan);
}

double DenseParameters(const ModelConfig& config) {
  double total = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    total += static_cast<double>(shape.out_dim * shape.in_dim) * config.num_layers;
  }
  return total;
}

// What the knapsack counts in.
int64_t UnitOf(int64_t budget) {
  return std::max(int64_t{1}, (budget + kBudgetSteps - 1) / kBudgetSteps);
}
int64_t InUnits(int64_t cost, int64_t unit) { return (cost + unit - 1) / unit; }

// The smallest forms of all linears, and which budgets hold them.
class LeastForms {
 public:
  template <typename Plans, typename Cost>
  LeastForms(const ModelConfig& config, const Plans& plans_of, const Cost& cost_of)
      : num_layers_(config.num_layers) {
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = LinearShapeOf(config, kind);
      int64_t& least = costs_.emplace_back(std::numeric_limits<int64_t>::max());
      for (const LinearPlan& plan : plans_of(shape)) least = std::min(least, cost_of(shape, plan));
    }
  }

  int64_t Sum(int64_t unit) const {
    int64_t sum = 0;
    for (const int64_t cost : costs_) sum += InUnits(cost, unit) * num_layers_;
    return sum;
  }

  bool Fit(int64_t budget) const {
    const int64_t unit = UnitOf(budget);
    return Sum(unit) <= std::max(int64_t{0}, budget) / unit;
  }

 private:
  std::vector<int64_t> costs_;  // of each linear of a layer
  int64_t num_layers_;
};

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
  const int64_t unit = UnitOf(budget);
  const auto steps = static_cast<size_t>(std::max(int64_t{0}, budget) / unit);
  const auto in_steps = [unit](int64_t cost) { return static_cast<size_t>(InUnits(cost, unit)); };

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

Status CheckKeep(const ModelConfig& config, double keep, DType dtype) {
  const LeastForms least(
      config, [dtype](const LinearShape& shape) { return PlansOfDType(shape, dtype); },
      NumParameters);
  const double total = DenseParameters(config);
  if (least.Fit(static_cast<int64_t>(keep * total))) return {};
  constexpr double kThousand = 1000;
  double thousandths = std::ceil(kThousand * static_cast<double>(least.Sum(1)) / total);
  while (thousandths < kThousand &&
         !least.Fit(static_cast<int64_t>(thousandths / kThousand * total))) {
    ++thousandths;
  }
  return Fail(ErrorCode::kInvalidRequest, "--keep ", FormatNumber("%g", keep),
              ": expected at least ", FormatNumber("%g", thousandths / kThousand));
}

Status CheckByteBudget(const ModelConfig& config, int64_t bytes, int64_t others) {
  const LeastForms least(config, PlansOfAnyDType, BytesWithHeaders);
  if (least.Fit(bytes)) return {};
  int64_t expected = least.Sum(1);
  while (!least.Fit(expected)) expected += UnitOf(expected);
  return Fail(ErrorCode::kInvalidRequest, "--budget: ", FormatCount(bytes + others),
              " bytes, expected at least ", FormatCount(expected + others));
}

Result<ModelPlan> AllocateParameters(const ModelConfig& config, const Survey& survey, double keep,
                                     DType dtype) {
  return Allocate(
      config, survey, static_cast<int64_t>(keep * DenseParameters(config)),
      "--keep " + std::to_string(keep) + " of the linear layers' parameters",
      [dtype](const LinearShape& shape) { return PlansOfDType(shape, dtype); }, NumParameters);
}

Result<ModelPlan> AllocateBytes(const ModelConfig& config, const Survey& survey, int64_t bytes) {
  return Allocate(config, survey, bytes, "--budget", PlansOfAnyDType, BytesWithHeaders);
}

}  // namespace halfling
