// Each stage of the compression on tiny random models.
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "compressor/linalg/matrices.h"
#include "compressor/stages/activation_walk.h"
#include "compressor/stages/compress_layers.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/plan.h"
#include "compressor/stages/prune_vocabulary.h"
#include "compressor/stages/streamed_model.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

using Eigen::MatrixXd;
using testing::kVocabSize;
using testing::MakeTransformer;
using testing::TinyModelOptions;

std::vector<TokenSequence> MakeSequences(size_t count, uint32_t seed = 5) {
  testing::Random random(seed);
  std::vector<TokenSequence> sequences(count);
  for (TokenSequence& sequence : sequences) {
    sequence.resize(static_cast<size_t>(5 + random.Below(20)));
    for (int& token : sequence) token = random.Below(kVocabSize);
  }
  return sequences;
}

Matrix HiddenStates(const Transformer& model, const TokenSequence& tokens) {
  KvCache cache(model.config());
  TransformerScratch scratch;
  int parent = kNoParent;
  for (const int token : tokens) parent = cache.Append(token, parent);
  model.Forward(cache, 0, scratch);
  return scratch.hidden;
}

// The relative distance of two models' final hidden states over the sequences.
double HiddenError(const Transformer& original, const Transformer& other,
                   const std::vector<TokenSequence>& sequences) {
  double error = 0;
  double total = 0;
  for (const TokenSequence& tokens : sequences) {
    const MatrixXd expected = ToDoubles(HiddenStates(original, tokens));
    error += (expected - ToDoubles(HiddenStates(other, tokens))).squaredNorm();
    total += expected.squaredNorm();
  }
  return std::sqrt(error / total);
}

const Linear& LinearOf(const Transformer& model, size_t layer, LinearKind kind) {
  return model.weights().layers[layer].linear(kind);
}

// ||(W - W') X||^2 = tr((W - W') G (W - W')^T)
double OutputError(const Linear& original, const Linear& other, const MatrixXd& gram) {
  const MatrixXd difference = ToDoubles(original.Unpack()) - ToDoubles(other.Unpack());
  return (difference * gram * difference.transpose()).trace();
}

StreamedModel Streamed(const Transformer& model) {
  ModelWeights outer = model.weights();
  outer.layers.clear();
  auto skeleton = Transformer::CreateWithoutLayers(model.config(), std::move(outer));
  REQUIRE(skeleton.has_value());
  return {*std::move(skeleton), [&model](int layer) -> Result<LayerWeights> {
            return model.weights().layers[static_cast<size_t>(layer)];
          }};
}

Transformer CompressOrFail(const Transformer& model, const ModelPlan& plan, FitMethod method,
                           const std::vector<TokenSequence>& sequences, int threads = 2) {
  Progress silent(false);
  StreamedModel original = Streamed(model);
  Transformer result = model;
  const LayerSink keep = [&](int layer, const LayerWeights&, CompressedLayer compressed) -> Status {
    for (const LinearKind kind : kLinearKinds) {
      result.mutable_layer(layer).linear(kind) =
          MakeLinear(compressed.linears[static_cast<size_t>(kind)].stored);
    }
    return {};
  };
  const auto status = CompressLayers(original, Streamed(model).transformer(), plan, method,
                                     sequences, threads, keep, silent);
  REQUIRE(status.has_value());
  return result;
}

ModelPlan HalfPlan(const Transformer& model) {
  return UniformPlan(model.config(), 0.5, Storage::kLowRank, DType::kF32);
}

ModelPlan FullRanks(const Transformer& model) {
  ModelPlan plan = HalfPlan(model);
  for (LayerPlan& layer : plan) {
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = LinearShapeOf(model.config(), kind);
      layer[static_cast<size_t>(kind)].rank = std::min(shape.out_dim, shape.in_dim);
    }
  }
  return plan;
}

// A walk that stands before the group's linears.
ActivationWalk WalkTo(const Transformer& model, const std::vector<TokenSequence>& sequences,
                      int layer, InputGroup group) {
  ActivationWalk walk(model, sequences, 2);
  for (int before = 0; before < layer; ++before) walk.RunLayer(model, before, 2);
  walk.BeginLayer(model, layer, 2);
  for (int step = 0; step < static_cast<int>(group); ++step) walk.Advance(model, 2);
  return walk;
}

// G = X X^T of one group of the model.
MatrixXd GramOf(const Transformer& model, const std::vector<TokenSequence>& sequences, int layer,
                InputGroup group, int threads = 2) {
  const ActivationWalk walk = WalkTo(model, sequences, layer, group);
  return SumMoments(&walk, nullptr, {.original = true}, threads).original;
}

constexpr std::array kMethods = {FitMethod::kSvd, FitMethod::kWhitenedSvd, FitMethod::kAlignedSvd,
                                 FitMethod::kRegression};

}  // namespace

TEST_CASE("a walk delivers what the forward pass reads") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(37);  // more than one task's, the last one smaller
  ActivationWalk walk(model, sequences, 2);
  for (int layer = 0; layer < model.config().num_layers; ++layer) {
    walk.BeginLayer(model, layer, 2);
    for (const InputGroup group : kInputGroups) {
      for (const size_t i : {size_t{0}, size_t{20}, size_t{36}}) {
        KvCache cache(model.config());
        TransformerScratch scratch;
        int parent = kNoParent;
        for (const int token : sequences[i]) parent = cache.Append(token, parent);
        model.Embed(cache, 0, scratch);
        for (int before = 0; before <= layer; ++before) {
          for (const InputGroup step : kInputGroups) {
            model.PrepareGroup(before, step, cache, 0, scratch);
            if (before == layer && step == group) break;
            model.ApplyGroup(before, step, scratch);
          }
        }
        CHECK(ToDoubles(walk.input(i)) == ToDoubles(scratch.input(group)));
      }
      walk.Advance(model, 2);
    }
  }
  CHECK(ToDoubles(walk.hidden(20)) == ToDoubles(HiddenStates(model, sequences[20])));
}

TEST_CASE("moments are sums over all tokens, whatever the threads") {
  const Transformer model = MakeTransformer();
  const Transformer other = CompressOrFail(model, HalfPlan(model), FitMethod::kSvd, {});
  const auto sequences = MakeSequences(300);  // more tokens than one batch
  const ActivationWalk walk = WalkTo(model, sequences, 1, InputGroup::kGated);
  const ActivationWalk own = WalkTo(other, sequences, 1, InputGroup::kGated);
  const InputMoments moments =
      SumMoments(&walk, &own, {.original = true, .cross = true, .compressed = true}, 2);
  const Eigen::Index n = moments.original.rows();
  MatrixXd gram = MatrixXd::Zero(n, n);
  MatrixXd cross = gram;
  MatrixXd own_gram = gram;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const MatrixXd x = ToDoubles(walk.input(i));
    const MatrixXd x_own = ToDoubles(own.input(i));
    gram += x.transpose() * x;
    cross += x.transpose() * x_own;
    own_gram += x_own.transpose() * x_own;
  }
  CHECK((moments.original - gram).norm() < 1e-9 * gram.norm());
  CHECK((moments.cross - cross).norm() < 1e-9 * gram.norm());
  CHECK((moments.compressed - own_gram).norm() < 1e-9 * gram.norm());
  CHECK((gram - own_gram).norm() > 1e-3 * gram.norm());
  CHECK(moments.tokens == static_cast<int64_t>(CountTokens(sequences)));

  CHECK(GramOf(model, sequences, 1, InputGroup::kGated, 1) == moments.original);
  const InputMoments nothing = SumMoments(nullptr, nullptr, {}, 1);
  CHECK(nothing.original.size() == 0);
}

TEST_CASE("a token counts by what its hidden state becomes") {
  const Transformer model = MakeTransformer();
  const Transformer other = CompressOrFail(model, HalfPlan(model), FitMethod::kSvd, {});
  const auto sequences = MakeSequences(300);  // more tokens than one batch
  ActivationWalk walk = WalkTo(model, sequences, 1, InputGroup::kGated);
  const ActivationWalk own = WalkTo(other, sequences, 1, InputGroup::kGated);
  const LayerWeights& layer = model.weights().layers[1];
  const double epsilon = model.config().rms_norm_eps;
  const Eigen::VectorXd weights = TokenWeights(walk, layer, epsilon, 2);
  const MomentChoice all = {.original = true, .cross = true, .compressed = true, .lack = true};
  const InputMoments moments = SumMoments(&walk, &own, all, 2, weights);

  MatrixXd gram = MatrixXd::Zero(moments.original.rows(), moments.original.cols());
  MatrixXd cross = gram;
  MatrixXd lack_original = MatrixXd::Zero(model.config().model_dim, gram.cols());
  double lack_square = 0;
  ActivationWalk after = walk;
  after.Advance(model, 2);
  Eigen::Index token = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const MatrixXd x = ToDoubles(walk.input(i));
    const MatrixXd x_own = ToDoubles(own.input(i));
    const MatrixXd lack = ToDoubles(walk.hidden(i)) - ToDoubles(own.hidden(i));
    const MatrixXd becomes = ToDoubles(after.hidden(i));
    for (Eigen::Index row = 0; row < x.rows(); ++row, ++token) {
      const double square = becomes.row(row).squaredNorm() / static_cast<double>(becomes.cols());
      CHECK(std::abs(weights[token] * std::sqrt(square + epsilon) - 1) < 1e-4);
      const double weight = weights[token] * weights[token];
      gram += weight * x.row(row).transpose() * x.row(row);
      cross += weight * x.row(row).transpose() * x_own.row(row);
      lack_original += weight * lack.row(row).transpose() * x.row(row);
      lack_square += weight * lack.row(row).squaredNorm();
    }
  }
  CHECK(token == weights.size());
  CHECK((moments.original - gram).norm() < 1e-9 * gram.norm());
  CHECK((moments.cross - cross).norm() < 1e-9 * cross.norm());
  CHECK((moments.lack_original - lack_original).norm() < 1e-9 * lack_original.norm());
  CHECK(std::abs(moments.lack_square - lack_square) < 1e-9 * lack_square);
  CHECK(TokenWeights(walk, layer, epsilon, 1) == weights);
  const ActivationWalk earlier = WalkTo(model, sequences, 1, InputGroup::kFeedForward);
  CHECK(TokenWeights(earlier, layer, epsilon, 1).size() == 0);
}

TEST_CASE("at full rank every method leaves the model as it was") {
  for (const std::string architecture : {"LlamaForCausalLM", "Qwen2ForCausalLM"}) {
    TinyModelOptions options;
    options.architecture = architecture;
    const Transformer model = MakeTransformer(options);
    const auto sequences = MakeSequences(40);
    for (const FitMethod method : kMethods) {
      const Transformer compressed = CompressOrFail(model, FullRanks(model), method, sequences);
      CHECK(LinearOf(compressed, 0, LinearKind::kUp).is_low_rank());
      CHECK(HiddenError(model, compressed, sequences) < 1e-4);
    }
  }
}

TEST_CASE("whitening never loses to the plain SVD on what it was calibrated with") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(40);
  const ModelPlan plan = HalfPlan(model);
  const Transformer svd = CompressOrFail(model, plan, FitMethod::kSvd, {});
  const Transformer whitened = CompressOrFail(model, plan, FitMethod::kWhitenedSvd, sequences);
  for (size_t layer = 0; layer < plan.size(); ++layer) {
    for (const InputGroup group : kInputGroups) {
      const MatrixXd gram = GramOf(model, sequences, static_cast<int>(layer), group);
      for (const LinearKind kind : KindsOf(group)) {
        CAPTURE(LinearName(static_cast<int>(layer), kind));
        const Linear& original = LinearOf(model, layer, kind);
        const Linear& low_rank = LinearOf(whitened, layer, kind);
        REQUIRE(low_rank.is_low_rank());
        CHECK(static_cast<int64_t>(low_rank.rank()) == plan[layer][static_cast<size_t>(kind)].rank);
        CHECK(low_rank.num_parameters() <= original.num_parameters() / 2);
        CHECK(OutputError(original, low_rank, gram) <=
              OutputError(original, LinearOf(svd, layer, kind), gram) * (1 + 1e-6));
      }
    }
  }
}

TEST_CASE("alignment changes nothing that sees the original inputs, and helps what follows") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(60);
  const ModelPlan plan = HalfPlan(model);
  const Transformer whitened = CompressOrFail(model, plan, FitMethod::kWhitenedSvd, sequences);
  const Transformer aligned = CompressOrFail(model, plan, FitMethod::kAlignedSvd, sequences);
  // The first layer's q, k and v see X itself, and the whitened SVD's left factor is the best one
  // for X already.
  for (const LinearKind kind : KindsOf(InputGroup::kAttention)) {
    const MatrixXd before = ToDoubles(LinearOf(whitened, 0, kind).Unpack());
    CHECK((ToDoubles(LinearOf(aligned, 0, kind).Unpack()) - before).norm() < 1e-4 * before.norm());
  }
  CHECK(HiddenError(model, aligned, sequences) < HiddenError(model, whitened, sequences));
}

TEST_CASE("alignment solves its least-squares problem, whatever the threads") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(60);
  const ModelPlan plan = HalfPlan(model);
  const Transformer aligned = CompressOrFail(model, plan, FitMethod::kAlignedSvd, sequences);

  // The last matrix is refitted last, so the final model delivers its X' and the residual
  // W X - A B X' must be orthogonal to B X'.
  const Linear& down = LinearOf(aligned, 1, LinearKind::kDown);
  const MatrixXd weight = ToDoubles(LinearOf(model, 1, LinearKind::kDown).Unpack());
  const ActivationWalk original = WalkTo(model, sequences, 1, InputGroup::kGated);
  const ActivationWalk own = WalkTo(aligned, sequences, 1, InputGroup::kGated);
  MatrixXd residual_by_code = MatrixXd::Zero(weight.rows(), static_cast<Eigen::Index>(down.rank()));
  double scale = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const MatrixXd codes = ToDoubles(own.input(i)) * ToDoubles(down.UnpackRight()).transpose();
    const MatrixXd goal = ToDoubles(original.input(i)) * weight.transpose();
    residual_by_code +=
        (goal - codes * ToDoubles(down.UnpackLeft()).transpose()).transpose() * codes;
    scale += goal.norm() * codes.norm();
  }
  CHECK(residual_by_code.norm() < 1e-5 * scale);

  const Transformer serial = CompressOrFail(model, plan, FitMethod::kAlignedSvd, sequences, 1);
  for (const LinearKind kind : kLinearKinds) {
    CHECK(ToDoubles(LinearOf(aligned, 1, kind).UnpackLeft()) ==
          ToDoubles(LinearOf(serial, 1, kind).UnpackLeft()));
  }
}

// ||W X - A B X'||^2 out of the moments.
double DriftedError(const MatrixXd& weight, const LowRankFactors& factors, const MatrixXd& gram,
                    const MatrixXd& cross, const MatrixXd& own_gram) {
  const MatrixXd product = factors.left * factors.right;
  return (weight * gram * weight.transpose()).trace() -
         2 * (product * cross.transpose() * weight.transpose()).trace() +
         (product * own_gram * product.transpose()).trace();
}

TEST_CASE("regression is better than alignment on drifted inputs, and whitening without drift") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(60);
  const Transformer halved =
      CompressOrFail(model, HalfPlan(model), FitMethod::kWhitenedSvd, sequences);
  const ActivationWalk walk = WalkTo(model, sequences, 1, InputGroup::kFeedForward);
  const ActivationWalk own = WalkTo(halved, sequences, 1, InputGroup::kFeedForward);
  const MatrixXd weight = ToDoubles(LinearOf(model, 1, LinearKind::kUp).Unpack());
  const MomentChoice all = {.original = true, .cross = true, .compressed = true};
  const auto factorize = [&](FitMethod method, const InputMoments& moments) {
    auto factorizer = LinearFitter::Create(method, moments, "up");
    REQUIRE(factorizer.has_value());
    auto factors = factorizer->Factorize(weight, OutputWeights(), 5, "up");
    REQUIRE(factors.has_value());
    return *std::move(factors);
  };

  const InputMoments drifted = SumMoments(&walk, &own, all, 2);
  const auto error = [&](FitMethod method) {
    return DriftedError(weight, factorize(method, drifted), drifted.original, drifted.cross,
                        drifted.compressed);
  };
  const double best = error(FitMethod::kRegression);
  CHECK(best < error(FitMethod::kAlignedSvd));
  CHECK(best < error(FitMethod::kWhitenedSvd));

  const InputMoments still = SumMoments(&walk, &walk, all, 2);
  const LowRankFactors regression = factorize(FitMethod::kRegression, still);
  const LowRankFactors whitened = factorize(FitMethod::kWhitenedSvd, still);
  const MatrixXd expected = whitened.left * whitened.right;
  CHECK((regression.left * regression.right - expected).norm() < 1e-2 * expected.norm());
}

TEST_CASE("matrices that stay dense are left alone by every method") {
  const Transformer model = MakeTransformer();
  ModelPlan plan = HalfPlan(model);
  plan[0][static_cast<size_t>(LinearKind::kUp)] = {};
  plan[1][static_cast<size_t>(LinearKind::kDown)] = {};
  for (const FitMethod method : kMethods) {
    const Transformer compressed = CompressOrFail(model, plan, method, MakeSequences(20));
    const Linear& up = LinearOf(compressed, 0, LinearKind::kUp);
    CHECK_FALSE(up.is_low_rank());
    CHECK(ToDoubles(up.Unpack()) == ToDoubles(LinearOf(model, 0, LinearKind::kUp).Unpack()));
    CHECK(LinearOf(compressed, 0, LinearKind::kGate).is_low_rank());
    CHECK_FALSE(LinearOf(compressed, 1, LinearKind::kDown).is_low_rank());
  }
}

TEST_CASE("pruning keeps what prompt and codes use, renumbered in order") {
  const PromptTemplate prompt = {{90}, {}, {7, 90}, 20};
  const PrunedVocabulary pruned = PruneVocabulary(prompt, {{40, 12}, {12}, {41}});
  CHECK(pruned.ids == std::vector<int>{7, 12, 40, 41, 90});
  CHECK(pruned.prompt.prefix == std::vector<int>{4});
  CHECK(pruned.prompt.separator.empty());
  CHECK(pruned.prompt.suffix == std::vector<int>{0, 4});
  CHECK(pruned.prompt.max_history == 20);
  CHECK(pruned.codes == std::vector<std::vector<int>>{{2, 1}, {1}, {3}});
}

}  // namespace halfling
