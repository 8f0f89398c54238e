// What errors in a linear's outputs count for, against small changes of these outputs that the
// engine carries to the hidden states.
#include "compressor/stages/output_weights.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "compressor/linalg/matrices.h"
#include "compressor/stages/input_moments.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

using Eigen::MatrixXd;

constexpr int kLayer = 1;
constexpr float kStep = 0.02F;

// So few tokens that all of them are looked at.
std::vector<TokenSequence> FewSequences(uint32_t seed = 5) {
  testing::Random random(seed);
  std::vector<TokenSequence> sequences(12);
  for (TokenSequence& sequence : sequences) {
    sequence.resize(static_cast<size_t>(5 + random.Below(5)));
    for (int& token : sequence) token = random.Below(testing::kVocabSize);
  }
  return sequences;
}

ActivationWalk WalkToGroup(const Transformer& model, const std::vector<TokenSequence>& sequences,
                           InputGroup group) {
  ActivationWalk walk(model, sequences, 1);
  for (int layer = 0; layer < kLayer; ++layer) walk.RunLayer(model, layer, 1);
  walk.BeginLayer(model, kLayer, 1);
  while (walk.group() != group) walk.Advance(model, 1);
  return walk;
}

// D of a weight with m outputs.
MatrixXd MetricOf(const OutputWeights& outputs, Eigen::Index m) {
  MatrixXd upper = MatrixXd::Identity(m, m);
  outputs.Weigh(upper);
  return upper.transpose() * upper;
}

// Scaled and mixed as OutputWeights::Create says.
MatrixXd AsCreated(const MatrixXd& sum) {
  const double mean = sum.trace() / static_cast<double>(sum.rows());
  return sum / mean + 0.1 * MatrixXd::Identity(sum.rows(), sum.cols());
}

// One sequence from the outputs of a group's linears to the hidden states.
class Block {
 public:
  Block(const Transformer& model, const ActivationWalk& walk, size_t sequence)
      : model_(model), walk_(walk), cache_(model.config()) {
    int slot = kNoParent;
    for (size_t t = 0; t < walk.hidden(sequence).rows(); ++t) slot = cache_.Append(0, slot);
    scratch_.hidden = walk.hidden(sequence);
    scratch_.normed = walk.input(sequence);
    model.ApplyGroup(kLayer, walk.group(), scratch_);
  }

  Eigen::Index num_tokens() const { return static_cast<Eigen::Index>(scratch_.hidden.rows()); }

  // What the next group's linears read [tokens, in_dim] after `change(scratch)`.
  template <typename Change>
  MatrixXd Run(const Change& change) {
    TransformerScratch scratch = scratch_;
    change(scratch);
    model_.PrepareGroup(kLayer, Next(), cache_, 0, scratch);
    return ToDoubles(scratch.input(Next()));
  }
  // w of each token.
  Eigen::VectorXd Weights() {
    TransformerScratch scratch = scratch_;
    model_.PrepareGroup(kLayer, Next(), cache_, 0, scratch);
    model_.ApplyGroup(kLayer, Next(), scratch);
    const MatrixXd hidden = ToDoubles(scratch.hidden);
    const Eigen::ArrayXd mean_squares =
        hidden.rowwise().squaredNorm() / static_cast<double>(hidden.cols());
    return (mean_squares + model_.config().rms_norm_eps).sqrt().inverse();
  }
  // The change of what Run gives, for one of the output's values.
  MatrixXd Slope(Matrix TransformerScratch::* output, Eigen::Index token, Eigen::Index column) {
    const auto moved = [&](float step) {
      return Run([&](TransformerScratch& scratch) {
        (scratch.*output).row(static_cast<size_t>(token))[static_cast<size_t>(column)] += step;
      });
    };
    return (moved(kStep) - moved(-kStep)) / (2 * kStep);
  }

 private:
  InputGroup Next() const {
    return walk_.group() == InputGroup::kAttention ? InputGroup::kAttended : InputGroup::kGated;
  }

  const Transformer& model_;
  const ActivationWalk& walk_;
  KvCache cache_;
  TransformerScratch scratch_;
};

// The sum of w^2 J^T J over the tokens of all sequences, [outputs, outputs] in blocks of a head. J
// is what `last` makes of the slope: each `width` of its columns by themselves.
MatrixXd SumByDifferences(const Transformer& model, const ActivationWalk& walk,
                          Matrix TransformerScratch::* output, Eigen::Index outputs,
                          Eigen::Index head, const MatrixXd& last, Eigen::Index width) {
  MatrixXd sum = MatrixXd::Zero(outputs, outputs);
  for (size_t i = 0; i < walk.num_sequences(); ++i) {
    Block block(model, walk, i);
    const Eigen::VectorXd weights = block.Weights();
    for (Eigen::Index token = 0; token < block.num_tokens(); ++token) {
      // [hidden states of all tokens and parts, outputs]
      MatrixXd jacobian(block.num_tokens() * last.rows() * (last.cols() / width), outputs);
      for (Eigen::Index column = 0; column < outputs; ++column) {
        const MatrixXd slope = weights.asDiagonal() * block.Slope(output, token, column);
        for (Eigen::Index part = 0; part < last.cols(); part += width) {
          const MatrixXd moved =
              slope.middleCols(part, width) * last.middleCols(part, width).transpose();
          jacobian.col(column).segment(part / width * moved.size(), moved.size()) =
              moved.reshaped();
        }
      }
      sum += jacobian.transpose() * jacobian;
    }
  }
  MatrixXd blocks = MatrixXd::Zero(outputs, outputs);
  for (Eigen::Index first = 0; first < outputs; first += head) {
    blocks.block(first, first, head, head) = sum.block(first, first, head, head);
  }
  return blocks;
}

MatrixXd LayerWeight(const Transformer& model, LinearKind kind) {
  return ToDoubles(model.weights().layers[kLayer].linear(kind).Unpack());
}

double RelativeError(const MatrixXd& a, const MatrixXd& b) { return (a - b).norm() / b.norm(); }

void CheckAttention(const Transformer& model) {
  const Eigen::Index head = model.config().head_dim;
  const MatrixXd output = LayerWeight(model, LinearKind::kOutput);
  const std::array parts = {&TransformerScratch::query, &TransformerScratch::key,
                            &TransformerScratch::value};
  std::array<MatrixXd, 3> measured;
  std::array<MatrixXd, 3> expected;
  constexpr std::array tolerances = {0.08, 0.05, 1e-3};  // of random signs, and of differences
  // The random signs leave less in the mean of many.
  constexpr int kDraws = 15;
  for (uint32_t draw = 0; draw < kDraws; ++draw) {
    const auto sequences = FewSequences(draw);
    const ActivationWalk walk = WalkToGroup(model, sequences, InputGroup::kAttention);
    const auto outputs = MeasureOutputWeights(model, kLayer, walk, 2);
    REQUIRE(outputs.has_value());
    for (size_t i = 0; i < parts.size(); ++i) {
      const int heads = i == 0 ? model.config().num_heads : model.config().num_kv_heads;
      const Eigen::Index m = heads * head;
      if (draw == 0) measured[i] = expected[i] = MatrixXd::Zero(m, m);
      measured[i] += MetricOf((*outputs)[i], m) / kDraws;
      expected[i] +=
          AsCreated(SumByDifferences(model, walk, parts[i], m, head, output, head)) / kDraws;
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    CAPTURE(i);
    const MatrixXd alike = 1.1 * MatrixXd::Identity(expected[i].rows(), expected[i].cols());
    CHECK(RelativeError(alike, expected[i]) > 0.2);
    CHECK(RelativeError(measured[i], expected[i]) < tolerances[i]);
  }
}

}  // namespace

TEST_CASE("errors of gate and up count for what down makes of them") {
  const Transformer model = testing::MakeTransformer();
  const auto sequences = FewSequences();
  const ActivationWalk walk = WalkToGroup(model, sequences, InputGroup::kFeedForward);
  const auto measured = MeasureOutputWeights(model, kLayer, walk, 2);
  REQUIRE(measured.has_value());
  const Eigen::Index n = model.config().ffn_dim;
  const MatrixXd down = LayerWeight(model, LinearKind::kDown);
  const MatrixXd gate = SumByDifferences(model, walk, &TransformerScratch::gate, n, n, down, n);
  const MatrixXd up = SumByDifferences(model, walk, &TransformerScratch::up, n, n, down, n);
  CHECK(RelativeError(MetricOf((*measured)[0], n), AsCreated(gate)) < 1e-3);
  CHECK(RelativeError(MetricOf((*measured)[1], n), AsCreated(up)) < 1e-3);
}

TEST_CASE("errors of queries, keys and values count for what attention makes of them") {
  for (const char* architecture : {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"}) {
    CAPTURE(architecture);
    testing::TinyModelOptions options;
    options.architecture = architecture;
    CheckAttention(testing::MakeTransformer(options));
  }
}

TEST_CASE("errors count only where a window lets them through, and a head that o reads") {
  const Transformer whole = testing::MakeTransformer();
  ModelConfig config = whole.config();
  config.sliding_window = 3;
  ModelWeights weights = whole.weights();
  Linear& linear = weights.layers[kLayer].linear(LinearKind::kOutput);
  Matrix output = linear.Unpack();
  for (size_t row = 0; row < output.rows(); ++row) {
    std::ranges::fill(output.row(row).first(static_cast<size_t>(config.head_dim)), 0.0F);
  }
  linear = Linear::Dense(output);
  const auto model = Transformer::Create(config, weights);
  REQUIRE(model.has_value());
  CheckAttention(*model);
}

TEST_CASE("what is added to the hidden states counts as it is") {
  const Transformer model = testing::MakeTransformer();
  const auto sequences = FewSequences();
  for (const InputGroup group : {InputGroup::kAttended, InputGroup::kGated}) {
    const auto measured =
        MeasureOutputWeights(model, kLayer, WalkToGroup(model, sequences, group), 1);
    REQUIRE(measured.has_value());
    REQUIRE(measured->size() == 1);
    CHECK(MetricOf(measured->front(), 16) == MatrixXd::Identity(16, 16));
  }
}

TEST_CASE("output weights do not depend on the threads") {
  const Transformer model = testing::MakeTransformer();
  const auto sequences = FewSequences();
  for (const InputGroup group : {InputGroup::kAttention, InputGroup::kFeedForward}) {
    const ActivationWalk walk = WalkToGroup(model, sequences, group);
    const auto one = MeasureOutputWeights(model, kLayer, walk, 1);
    const auto three = MeasureOutputWeights(model, kLayer, walk, 3);
    REQUIRE((one.has_value() && three.has_value()));
    for (size_t i = 0; i < one->size(); ++i) {
      const Eigen::Index m = LinearShapeOf(model.config(), KindsOf(group)[i]).out_dim;
      CHECK(MetricOf((*one)[i], m) == MetricOf((*three)[i], m));
    }
  }
}

TEST_CASE("outputs that nothing reads count alike, and those beyond all numbers are an error") {
  const auto none = OutputWeights::Create({MatrixXd::Zero(3, 3), MatrixXd::Zero(3, 3)}, "q");
  REQUIRE(none.has_value());
  CHECK(MetricOf(*none, 6) == MatrixXd::Identity(6, 6));
  MatrixXd infinite = MatrixXd::Identity(3, 3);
  infinite(1, 1) = std::numeric_limits<double>::infinity();
  const auto failed = OutputWeights::Create({infinite}, "layer 3's q");
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kNonFiniteWeight);
  CHECK(failed.error().message.find("layer 3's q") != std::string::npos);
}

TEST_CASE("weighing goes back and counts by blocks") {
  MatrixXd first = MatrixXd::Identity(2, 2);
  first(0, 1) = first(1, 0) = 0.5;
  const MatrixXd second = MatrixXd::Constant(1, 1, 4.0);
  const auto outputs = OutputWeights::Create({first, second}, "v");
  REQUIRE(outputs.has_value());
  MatrixXd metric = MatrixXd::Zero(3, 3);
  metric.topLeftCorner(2, 2) = first;
  metric(2, 2) = 4;
  metric = AsCreated(metric);
  const MatrixXd errors = MatrixXd::Random(3, 5);
  MatrixXd weighed = errors;
  outputs->Weigh(weighed);
  CHECK(weighed.squaredNorm() == Approx((errors.transpose() * metric * errors).trace()));
  outputs->Unweigh(weighed);
  CHECK((weighed - errors).norm() < 1e-12);
}

}  // namespace halfling
