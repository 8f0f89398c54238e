// Each stage of the compression on tiny random models.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "compressor/linalg/matrices.h"
#include "compressor/stages/align.h"
#include "compressor/stages/calibrate.h"
#include "compressor/stages/choose_ranks.h"
#include "compressor/stages/factorize.h"
#include "compressor/stages/prune_vocabulary.h"
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

Matrix HiddenStates(const Transformer& model, const TokenSequence& tokens,
                    LinearObserver* observer = nullptr) {
  KvCache cache(model.config());
  TransformerScratch scratch;
  int parent = kNoParent;
  for (const int token : tokens) parent = cache.Append(token, parent);
  model.Forward(cache, 0, scratch, observer);
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

Transformer FactorizeOrFail(const Transformer& model, const RankPlan& plan,
                            FactorizationMethod method, const std::vector<LayerMoments>& moments) {
  Progress silent(false);
  auto result = Factorize(model, plan, method, moments, 2, silent);
  REQUIRE(result.has_value());
  return *std::move(result);
}

void AlignOrFail(const Transformer& original, const std::vector<TokenSequence>& sequences,
                 const AlignmentOptions& options, Transformer& compressed, int threads = 2) {
  Progress silent(false);
  REQUIRE(AlignLeftFactors(original, sequences, options, threads, silent, compressed).has_value());
}

RankPlan FullRanks(const Transformer& model) {
  RankPlan plan;
  for (const LayerWeights& layer : model.weights().layers) {
    LayerRanks ranks{};
    for (const LinearKind kind : kLinearKinds) {
      ranks[static_cast<size_t>(kind)] =
          std::min(layer.linear(kind).out_dim(), layer.linear(kind).in_dim());
    }
    plan.push_back(ranks);
  }
  return plan;
}

std::vector<LayerMoments> Moments(const Transformer& model,
                                  const std::vector<TokenSequence>& sequences, int threads = 2) {
  Progress silent(false);
  return CollectMoments(model, sequences, threads, silent);
}

class DownInputs : public LinearObserver {
 public:
  void OnLinearInput(int layer, LinearKind kind, const Matrix& x) override {
    if (layer != 1 || kind != LinearKind::kDown) return;
    const MatrixXd rows = ToDoubles(x);
    if (gram.size() == 0) gram.setZero(rows.cols(), rows.cols());
    gram += rows.transpose() * rows;
  }
  MatrixXd gram;
};

}  // namespace

TEST_CASE("uniform ranks keep the asked share") {
  CHECK(UniformRank(0.5, 256, 256) == 64);
  CHECK(UniformRank(0.5, 1024, 256) == 102);  // floor(.5 * 262144 / 1280)
  CHECK(UniformRank(1.0, 256, 256) == kStaysDense);
  CHECK(UniformRank(1e-6, 256, 256) == 1);
  CHECK(UniformRank(0.5, 1, 256) == kStaysDense);  // rank 1 would be larger than the matrix
  CHECK(UniformRank(0.9, 2, 2) == kStaysDense);
  for (const double keep : {0.25, 0.33, 0.5, 0.75, 0.99}) {
    const size_t rank = UniformRank(keep, 300, 200);
    CHECK(static_cast<double>(rank * 500) <= keep * 60000);
    CHECK(static_cast<double>((rank + 1) * 500) > keep * 60000);
  }
}

TEST_CASE("calibration sums the inputs' second moments, whatever the threads") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(13);
  const auto moments = Moments(model, sequences);
  DownInputs observer;
  for (const TokenSequence& tokens : sequences) HiddenStates(model, tokens, &observer);
  const MatrixXd& gram = moments[1].gram(LinearKind::kDown);
  CHECK((gram - observer.gram).norm() < 1e-9 * observer.gram.norm());
  CHECK(moments[0].gram(LinearKind::kQuery).rows() == 16);

  const auto serial = Moments(model, sequences, 1);
  for (size_t layer = 0; layer < moments.size(); ++layer) {
    for (size_t group = 0; group < kNumInputGroups; ++group) {
      CHECK(moments[layer].grams[group] == serial[layer].grams[group]);
    }
  }
}

TEST_CASE("at full rank every method leaves the model as it was") {
  for (const std::string architecture : {"LlamaForCausalLM", "Qwen2ForCausalLM"}) {
    TinyModelOptions options;
    options.architecture = architecture;
    const Transformer model = MakeTransformer(options);
    const auto sequences = MakeSequences(40);
    const auto moments = Moments(model, sequences);
    const RankPlan plan = FullRanks(model);
    const Transformer svd = FactorizeOrFail(model, plan, FactorizationMethod::kSvd, {});
    Transformer whitened = FactorizeOrFail(model, plan, FactorizationMethod::kWhitenedSvd, moments);
    CHECK(LinearOf(svd, 0, LinearKind::kUp).is_low_rank());
    CHECK(HiddenError(model, svd, sequences) < 1e-5);
    CHECK(HiddenError(model, whitened, sequences) < 1e-4);
    AlignOrFail(model, sequences, {}, whitened);
    CHECK(HiddenError(model, whitened, sequences) < 1e-4);
  }
}

TEST_CASE("whitening never loses to the plain SVD on what it was calibrated with") {
  const Transformer model = MakeTransformer();
  const auto moments = Moments(model, MakeSequences(40));
  const RankPlan plan = ChooseUniformRanks(model.weights(), 0.5);
  const Transformer svd = FactorizeOrFail(model, plan, FactorizationMethod::kSvd, {});
  const Transformer whitened =
      FactorizeOrFail(model, plan, FactorizationMethod::kWhitenedSvd, moments);
  for (size_t layer = 0; layer < plan.size(); ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      CAPTURE(LinearName(static_cast<int>(layer), kind));
      const Linear& original = LinearOf(model, layer, kind);
      const Linear& low_rank = LinearOf(whitened, layer, kind);
      REQUIRE(low_rank.is_low_rank());
      CHECK(low_rank.rank() == plan[layer][static_cast<size_t>(kind)]);
      CHECK(low_rank.num_parameters() <= original.num_parameters() / 2);
      const MatrixXd& gram = moments[layer].gram(kind);
      CHECK(OutputError(original, low_rank, gram) <=
            OutputError(original, LinearOf(svd, layer, kind), gram) * (1 + 1e-6));
    }
  }
}

TEST_CASE("alignment changes nothing that sees the original inputs, and helps what follows") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(60);
  const auto moments = Moments(model, sequences);
  const RankPlan plan = ChooseUniformRanks(model.weights(), 0.5);
  const Transformer whitened =
      FactorizeOrFail(model, plan, FactorizationMethod::kWhitenedSvd, moments);
  for (const AlignmentStep step : {AlignmentStep::kGroup, AlignmentStep::kBlock}) {
    Transformer aligned = whitened;
    AlignOrFail(model, sequences, {AlignmentTarget::kOriginalOutput, step}, aligned);
    // The first layer's q, k and v see X itself, and the whitened SVD's left factor is the best
    // one for X already.
    for (const LinearKind kind : {LinearKind::kQuery, LinearKind::kKey, LinearKind::kValue}) {
      const MatrixXd before = ToDoubles(LinearOf(whitened, 0, kind).Unpack());
      CHECK((ToDoubles(LinearOf(aligned, 0, kind).Unpack()) - before).norm() <
            1e-4 * before.norm());
    }
    const double error_before = HiddenError(model, whitened, sequences);
    const double error_after = HiddenError(model, aligned, sequences);
    CAPTURE(error_before, error_after);
    CHECK(error_after < error_before);
  }
}

TEST_CASE("alignment solves its least-squares problem, whatever the threads") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(60);
  const RankPlan plan = ChooseUniformRanks(model.weights(), 0.5);
  Transformer aligned =
      FactorizeOrFail(model, plan, FactorizationMethod::kWhitenedSvd, Moments(model, sequences));
  Transformer serial = aligned;
  AlignOrFail(model, sequences, {}, aligned);
  AlignOrFail(model, sequences, {}, serial, 1);

  // The last matrix is refitted last, so the final model delivers its X' and the residual
  // W X - A B X' must be orthogonal to B X'.
  MatrixXd residual_by_code = MatrixXd::Zero(16, 0);
  double scale = 0;
  const Linear& down = LinearOf(aligned, 1, LinearKind::kDown);
  for (const TokenSequence& tokens : sequences) {
    struct Recorder : LinearObserver {
      void OnLinearInput(int layer, LinearKind kind, const Matrix& x) override {
        if (layer == 1 && kind == LinearKind::kDown) input = ToDoubles(x);
      }
      MatrixXd input;
    } original, own;
    HiddenStates(model, tokens, &original);
    HiddenStates(aligned, tokens, &own);
    const MatrixXd codes = own.input * ToDoubles(down.UnpackRight()).transpose();
    const MatrixXd goal =
        original.input * ToDoubles(LinearOf(model, 1, LinearKind::kDown).Unpack()).transpose();
    const MatrixXd residual = goal - codes * ToDoubles(down.UnpackLeft()).transpose();
    if (residual_by_code.cols() == 0) residual_by_code.setZero(16, codes.cols());
    residual_by_code += residual.transpose() * codes;
    scale += goal.norm() * codes.norm();
  }
  CHECK(residual_by_code.norm() < 1e-5 * scale);

  for (const LinearKind kind : kLinearKinds) {
    const Linear& parallel = LinearOf(aligned, 1, kind);
    CHECK(ToDoubles(parallel.UnpackLeft()) == ToDoubles(LinearOf(serial, 1, kind).UnpackLeft()));
  }
}

TEST_CASE("matrices that stay dense are left alone by every stage") {
  const Transformer model = MakeTransformer();
  const auto sequences = MakeSequences(20);
  RankPlan plan = ChooseUniformRanks(model.weights(), 0.5);
  plan[0][static_cast<size_t>(LinearKind::kUp)] = kStaysDense;
  Transformer aligned =
      FactorizeOrFail(model, plan, FactorizationMethod::kWhitenedSvd, Moments(model, sequences));
  AlignOrFail(model, sequences, {}, aligned);
  const Linear& up = LinearOf(aligned, 0, LinearKind::kUp);
  CHECK_FALSE(up.is_low_rank());
  CHECK(ToDoubles(up.Unpack()) == ToDoubles(LinearOf(model, 0, LinearKind::kUp).Unpack()));
  CHECK(LinearOf(aligned, 0, LinearKind::kGate).is_low_rank());
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
