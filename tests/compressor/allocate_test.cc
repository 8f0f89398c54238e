#include "compressor/stages/allocate.h"

#include <limits>
#include <string>

#include "compressor/stages/choose_plan.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

struct Choice {
  int64_t cost = 0;
  double loss = 0;
};

Choice Total(const std::vector<std::vector<Candidate>>& linears,
             const std::vector<size_t>& chosen) {
  Choice total;
  for (size_t i = 0; i < linears.size(); ++i) {
    total.cost += linears[i][chosen[i]].cost;
    total.loss += linears[i][chosen[i]].loss;
  }
  return total;
}

// The least loss of every combination that fits.
double BruteForce(const std::vector<std::vector<Candidate>>& linears, int64_t budget, size_t from,
                  Choice so_far) {
  if (so_far.cost > budget) return std::numeric_limits<double>::infinity();
  if (from == linears.size()) return so_far.loss;
  double best = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : linears[from]) {
    best = std::min(best, BruteForce(linears, budget, from + 1,
                                     {so_far.cost + candidate.cost, so_far.loss + candidate.loss}));
  }
  return best;
}

// Every matrix loses the same by a rank, but some mean more to the ranking.
Survey MakeSurvey(const ModelConfig& config) {
  Survey survey(static_cast<size_t>(config.num_layers));
  for (size_t layer = 0; layer < survey.size(); ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = LinearShapeOf(config, kind);
      SurveyedLinear& linear = survey[layer][static_cast<size_t>(kind)];
      const auto ranks = static_cast<size_t>(std::min(shape.out_dim, shape.in_dim));
      for (size_t r = 0; r <= ranks; ++r) linear.discarded.push_back(double(ranks - r));
      linear.reference_error = 1;
      linear.divergence = layer == 0 ? 1.0 : 0.01;
      linear.int8_error = 1e-4;
      linear.int4_error = 0.5;
    }
  }
  return survey;
}

// The number after "expected at least" in the error of a plan that fails before its survey.
double LeastOf(const ModelConfig& config, const SizeGoal& goal) {
  const SurveyRunner no_survey = [](const ModelPlan&, const Survey*) -> Result<Survey> {
    FAIL("a survey was run");
    return Survey();
  };
  const auto plan = ChoosePlan(CompressionMethod::kHalfling, goal, config, no_survey,
                               [](int, LinearKind) { return DType::kF32; });
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().code == ErrorCode::kInvalidRequest);
  std::string number;
  const std::string before = "expected at least ";
  const std::string& message = plan.error().message;
  REQUIRE(message.find(before) != std::string::npos);
  for (const char c : message.substr(message.find(before) + before.size())) {
    if (c != ',') number += c;
  }
  return std::stod(number);
}

int64_t ParametersOf(const ModelConfig& config, const ModelPlan& plan, size_t layer) {
  int64_t sum = 0;
  for (const LinearKind kind : kLinearKinds) {
    sum += NumParameters(LinearShapeOf(config, kind), plan[layer][static_cast<size_t>(kind)]);
  }
  return sum;
}

}  // namespace

TEST_CASE("the knapsack is as good as trying every combination") {
  testing::Random random(11);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<Candidate>> linears(5);
    for (std::vector<Candidate>& candidates : linears) {
      for (int c = 0; c < 4; ++c) {
        candidates.push_back({{}, 1 + random.Below(1000), random.Symmetric() + 1.0});
      }
    }
    for (const int64_t budget : {900, 2000, 4000}) {
      const double best = BruteForce(linears, budget, 0, {});
      const auto chosen = ChooseCandidates(linears, budget, "budget");
      CAPTURE(round, budget, best);
      REQUIRE(chosen.has_value() == (best < std::numeric_limits<double>::infinity()));
      if (!chosen) {
        CHECK(chosen.error().code == ErrorCode::kInvalidRequest);
        CHECK(chosen.error().message.find("the smallest forms take") != std::string::npos);
        continue;
      }
      const Choice total = Total(linears, *chosen);
      CHECK(total.cost <= budget);
      CHECK(total.loss == Approx(best));
    }
  }
}

TEST_CASE("a share of the parameters goes where the ranking feels it") {
  const ModelConfig config = testing::MakeTransformer().config();
  const auto plan = AllocateParameters(config, MakeSurvey(config), 0.5, DType::kI8);
  REQUIRE(plan.has_value());
  const int64_t first = ParametersOf(config, *plan, 0);
  const int64_t second = ParametersOf(config, *plan, 1);
  CHECK(first > second);
  const int64_t dense = ParametersOf(config, ModelPlan(1), 0) * config.num_layers;
  CHECK(first + second <= dense / 2);
  CHECK(first + second > dense / 2 - dense / 10);
  for (const LinearPlan& linear : (*plan)[0]) CHECK(linear.dtype == DType::kI8);
}

TEST_CASE("a goal that nothing meets is refused before the survey, with the least that would do") {
  const ModelConfig config = testing::MakeTransformer().config();
  const Survey survey = MakeSurvey(config);
  const double share = LeastOf(config, KeepShare{0.001, DType::kI8});
  CHECK(AllocateParameters(config, survey, share, DType::kI8).has_value());
  CHECK_FALSE(AllocateParameters(config, survey, share - 0.001, DType::kI8).has_value());
  CHECK(LeastOf(config, KeepShare{share - 0.001, DType::kI8}) == share);

  constexpr int64_t kOthers = 5'000;
  const auto bytes = static_cast<int64_t>(LeastOf(config, ByteBudget{-2'000, kOthers})) - kOthers;
  CHECK(AllocateBytes(config, survey, bytes).has_value());
  CHECK_FALSE(AllocateBytes(config, survey, bytes - 1).has_value());
}

TEST_CASE("bytes buy precision as well as rank") {
  const ModelConfig config = testing::MakeTransformer().config();
  const Survey survey = MakeSurvey(config);
  int64_t previous = 0;
  for (const int64_t budget : {int64_t{6'500}, int64_t{8'800}, int64_t{64'000}}) {
    const auto plan = AllocateBytes(config, survey, budget);
    REQUIRE(plan.has_value());
    int64_t bytes = 0;
    for (const LayerPlan& layer : *plan) {
      for (const LinearKind kind : kLinearKinds) {
        bytes += NumBytes(LinearShapeOf(config, kind), layer[static_cast<size_t>(kind)]);
      }
    }
    CHECK(bytes <= budget);
    CHECK(bytes > previous);
    previous = bytes;
  }
  const auto nothing = AllocateBytes(config, survey, 100);
  REQUIRE_FALSE(nothing.has_value());
  CHECK(nothing.error().message.find("--budget") != std::string::npos);
}

}  // namespace halfling
