#include "compressor/stages/survey.h"

#include <algorithm>
#include <cmath>

#include "compressor/linalg/matrices.h"
#include "compressor/stages/activation_walk.h"
#include "compressor/stages/code_divergence.h"
#include "compressor/stages/fit_linear.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/output_weights.h"
#include "engine/recommender.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

// The tiny model with its catalogue and a calibration.
struct Fixture {
  testing::TinyModelOptions options;
  ModelFileContents contents = testing::TinyModelContents(options);
  Transformer model = testing::MakeTransformer(options);
  ItemTrie trie = MakeTrie();
  std::vector<Example> examples = MakeExamples();
  CalibrationSet calibration = MakeCalibrationSet(examples, contents.prompt, contents.codes);

  ItemTrie MakeTrie() const {
    auto built = ItemTrie::Build(contents.codes, {}, model.config().vocab_size);
    REQUIRE(built.has_value());
    return *std::move(built);
  }

  std::vector<Example> MakeExamples() const {
    testing::Random random(4);
    std::vector<Example> made(40);
    for (Example& example : made) {
      example.history = testing::RandomHistory(random, options.num_items, options.max_history);
      example.target = random.Below(options.num_items);
    }
    return made;
  }

  StreamedModel Streamed() const {
    ModelWeights outer = model.weights();
    outer.layers.clear();
    auto skeleton = Transformer::CreateWithoutLayers(model.config(), std::move(outer));
    REQUIRE(skeleton.has_value());
    return {*std::move(skeleton), [this](int layer) -> Result<LayerWeights> {
              return model.weights().layers[static_cast<size_t>(layer)];
            }};
  }

  Survey Run(int threads) const {
    Progress silent(false);
    StreamedModel streamed = Streamed();
    const ModelPlan reference = UniformPlan(model.config(), 0.5, Storage::kPivoted, DType::kI8);
    auto survey = SurveyLinears(streamed, reference, calibration, trie, RoundingErrors::kMeasured,
                                threads, silent);
    REQUIRE(survey.has_value());
    return *std::move(survey);
  }
};

ActivationWalk WalkThrough(const Transformer& model, const std::vector<TokenSequence>& sequences) {
  ActivationWalk walk(model, sequences, 2);
  for (int layer = 0; layer < model.config().num_layers; ++layer) walk.RunLayer(model, layer, 2);
  return walk;
}

}  // namespace

TEST_CASE("a survey finds what replacing a linear alone costs") {
  const Fixture fixture;
  const Survey survey = fixture.Run(2);
  const Transformer& model = fixture.model;
  const auto& sequences = fixture.calibration.sequences;

  // The last layer's gate, replaced by hand.
  const int layer = model.config().num_layers - 1;
  const SurveyedLinear& surveyed =
      survey[static_cast<size_t>(layer)][static_cast<size_t>(LinearKind::kGate)];
  ActivationWalk walk(model, sequences, 2);
  for (int before = 0; before < layer; ++before) walk.RunLayer(model, before, 2);
  walk.BeginLayer(model, layer, 2);
  walk.Advance(model, 2);
  walk.Advance(model, 2);
  InputMoments moments = SumMoments(&walk, nullptr, {.original = true}, 2);
  moments.original.diagonal().array() += PriorRidge(moments.original, moments.tokens);
  const Eigen::MatrixXd gram = moments.original;
  auto fitter = LinearFitter::Create(FitMethod::kWhitenedSvd, moments, "gate");
  REQUIRE(fitter.has_value());
  const Linear& gate = model.weights().layers[static_cast<size_t>(layer)].linear(LinearKind::kGate);
  const Eigen::MatrixXd weight = ToDoubles(gate.Unpack());
  const int64_t rank =
      RankForShare(LinearShapeOf(model.config(), LinearKind::kGate), Storage::kPivoted, 0.5);
  const auto outputs = MeasureOutputWeights(model, layer, walk, 2);
  REQUIRE(outputs.has_value());
  const auto factors = fitter->Factorize(weight, outputs->front(), rank, "gate");
  REQUIRE(factors.has_value());
  const auto error_of = [&](const Eigen::MatrixXd& replacement) {
    Eigen::MatrixXd lost = weight - replacement;
    outputs->front().Weigh(lost);
    return (lost * gram * lost.transpose()).trace();
  };
  const double error = error_of(factors->left * factors->right);
  CHECK(surveyed.discarded[static_cast<size_t>(rank)] == Approx(error).epsilon(1e-6));
  CHECK(surveyed.reference_error == surveyed.discarded[static_cast<size_t>(rank)]);
  CHECK(surveyed.discarded.back() == 0);
  const auto rounding = RoundingCompensation::Create(gram, "gate");
  REQUIRE(rounding.has_value());
  const auto rounded_error = [&](const auto& rounded) {
    return error_of(ToDoubles(ToMatrix(rounded)));
  };
  CHECK(surveyed.int8_error ==
        Approx(rounded_error(rounding->ToInt8(weight, kLargestInt7))).epsilon(1e-6));
  CHECK(surveyed.int4_error == Approx(rounded_error(rounding->ToInt4(weight))).epsilon(1e-6));

  Transformer replaced = model;
  replaced.mutable_layer(layer).linear(LinearKind::kGate) =
      Linear::LowRank(ToFloatMatrix(factors->left), ToFloatMatrix(factors->right));
  const CalibrationSet& probes = fixture.calibration;  // so few that all of them are
  const auto divergence =
      CodeDivergence(model, fixture.trie, probes.targets, WalkThrough(model, probes.sequences),
                     WalkThrough(replaced, probes.sequences), 2);
  REQUIRE(divergence.has_value());
  CHECK(*divergence > 0);
  CHECK(surveyed.divergence == Approx(*divergence));
}

TEST_CASE("a survey does not depend on the threads") {
  const Fixture fixture;
  const Survey two = fixture.Run(2);
  const Survey one = fixture.Run(1);
  for (size_t layer = 0; layer < two.size(); ++layer) {
    for (size_t kind = 0; kind < kNumLinearKinds; ++kind) {
      CHECK(one[layer][kind].discarded == two[layer][kind].discarded);
      CHECK(one[layer][kind].divergence == two[layer][kind].divergence);
    }
  }
}

TEST_CASE("a second survey has new divergences beside the old spectra") {
  const Fixture fixture;
  const Survey first = fixture.Run(2);
  const auto again = [&](double share) {
    Progress silent(false);
    StreamedModel streamed = fixture.Streamed();
    const ModelPlan reference =
        UniformPlan(fixture.model.config(), share, Storage::kPivoted, DType::kI8);
    auto survey =
        SurveyAgain(first, streamed, reference, fixture.calibration, fixture.trie, 2, silent);
    REQUIRE(survey.has_value());
    return *std::move(survey);
  };
  const Survey wide = again(0.75);
  const Survey narrow = again(0.25);
  double wide_sum = 0;
  double narrow_sum = 0;
  for (size_t layer = 0; layer < first.size(); ++layer) {
    for (size_t kind = 0; kind < kNumLinearKinds; ++kind) {
      const SurveyedLinear& linear = narrow[layer][kind];
      CHECK(linear.discarded == first[layer][kind].discarded);
      CHECK(linear.reference_error > wide[layer][kind].reference_error);
      CHECK(std::ranges::find(linear.discarded, linear.reference_error) != linear.discarded.end());
      wide_sum += wide[layer][kind].divergence;
      narrow_sum += linear.divergence;
    }
  }
  CHECK(narrow_sum > wide_sum);
}

TEST_CASE("a rank that loses nothing to speak of is not tried") {
  const Fixture fixture;
  ModelPlan almost_whole = UniformPlan(fixture.model.config(), 0.5, Storage::kPivoted, DType::kI8);
  for (LayerPlan& layer : almost_whole) {
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = LinearShapeOf(fixture.model.config(), kind);
      layer[static_cast<size_t>(kind)].rank = std::min(shape.out_dim, shape.in_dim) - 1;
    }
  }
  Progress silent(false);
  StreamedModel streamed = fixture.Streamed();
  const auto survey = SurveyLinears(streamed, almost_whole, fixture.calibration, fixture.trie,
                                    RoundingErrors::kNone, 2, silent);
  REQUIRE(survey.has_value());
  CHECK(survey->front().front().int8_error == 0);  // nobody asked
  int lowered = 0;
  for (size_t layer = 0; layer < survey->size(); ++layer) {
    for (size_t kind = 0; kind < kNumLinearKinds; ++kind) {
      const SurveyedLinear& linear = (*survey)[layer][kind];
      CHECK(linear.reference_error >= 1e-4 * linear.discarded[0]);
      CHECK(linear.reference_error == linear.discarded[static_cast<size_t>(linear.reference_rank)]);
      lowered += linear.reference_rank < almost_whole[layer][kind].rank ? 1 : 0;
    }
  }
  CHECK(lowered > 0);
}

// KL(p || q) of the softmaxes of two lists of logits.
double DivergenceOf(const std::vector<float>& p, const std::vector<float>& q) {
  const auto log_sum = [](const std::vector<float>& logits) {
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    return std::log(sum);
  };
  double divergence = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double log_p = p[i] - log_sum(p);
    divergence += std::exp(log_p) * (log_p - (q[i] - log_sum(q)));
  }
  return divergence;
}

TEST_CASE("the divergence is that of the logits that rank the target's code") {
  const Fixture fixture;
  Transformer other = fixture.model;
  Matrix weight = other.weights().layers[0].linear(LinearKind::kDown).Unpack();
  for (float& value : weight.values()) value *= 0.8F;
  other.mutable_layer(0).linear(LinearKind::kDown) = Linear::Dense(weight);

  const auto recommender = [&](const Transformer& model) {
    auto made = MakeRecommenderModel(model, fixture.contents.prompt, fixture.contents.codes,
                                     fixture.contents.popularity);
    REQUIRE(made.has_value());
    return Recommender(*std::move(made));
  };
  Recommender before = recommender(fixture.model);
  Recommender after = recommender(other);
  double sum = 0;
  for (const Example& example : fixture.examples) {
    const auto p = before.CodeLogits(example.history, example.target);
    const auto q = after.CodeLogits(example.history, example.target);
    REQUIRE((p.has_value() && q.has_value()));
    for (size_t level = 0; level < p->size(); ++level) {
      sum += DivergenceOf((*p)[level], (*q)[level]);
    }
  }

  const auto& [sequences, targets] = fixture.calibration;
  const auto divergence =
      CodeDivergence(fixture.model, fixture.trie, targets, WalkThrough(fixture.model, sequences),
                     WalkThrough(other, sequences), 2);
  REQUIRE(divergence.has_value());
  CHECK(*divergence > 1e-6);
  CHECK(*divergence == Approx(sum / static_cast<double>(targets.size())).epsilon(1e-3));
}

}  // namespace halfling
