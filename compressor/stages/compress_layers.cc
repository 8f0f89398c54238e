#include "compressor/stages/compress_layers.h"

#include <optional>
#include <string>

#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

class LayerCompressor {
 public:
  LayerCompressor(const Transformer& original, const RankPlan& plan, FactorizationMethod method,
                  const std::vector<TokenSequence>& sequences, int threads, Transformer& compressed)
      : original_(original),
        compressed_(compressed),
        plan_(plan),
        method_(method),
        choice_(MomentsFor(method)),
        threads_(threads) {
    if (choice_.original || choice_.cross) original_walk_.emplace(original, sequences, threads);
    if (choice_.compressed || choice_.cross) {
      compressed_walk_.emplace(compressed, sequences, threads);
    }
  }

  Status CompressGroup(int layer, InputGroup group) {
    std::vector<LinearKind> planned;
    for (const LinearKind kind : KindsOf(group)) {
      if (RankOf(layer, kind) != kStaysDense) planned.push_back(kind);
    }
    if (!planned.empty()) HALFLING_RETURN_IF_ERROR(ReplaceLinears(layer, planned));
    if (original_walk_) original_walk_->Advance(threads_);
    if (compressed_walk_) compressed_walk_->Advance(threads_);
    return {};
  }

 private:
  size_t RankOf(int layer, LinearKind kind) const {
    return plan_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }

  // `kinds` share their inputs.
  Status ReplaceLinears(int layer, const std::vector<LinearKind>& kinds) {
    HALFLING_ASSIGN_OR_RETURN(
        const Factorizer factorizer,
        Factorizer::Create(method_, SumMoments(original_walk_, compressed_walk_, choice_, threads_),
                           LinearName(layer, kinds.front())));
    const LayerWeights& weights = original_.weights().layers[static_cast<size_t>(layer)];
    std::vector<std::optional<Result<LowRankFactors>>> results(kinds.size());
    ParallelFor(kinds.size(), threads_, [&](size_t i, size_t) {
      results[i] = factorizer.Factorize(ToDoubles(weights.linear(kinds[i]).Unpack()),
                                        static_cast<Eigen::Index>(RankOf(layer, kinds[i])),
                                        LinearName(layer, kinds[i]));
    });
    for (size_t i = 0; i < kinds.size(); ++i) {
      HALFLING_ASSIGN_OR_RETURN(const LowRankFactors factors, *std::move(results[i]));
      Linear& linear = compressed_.mutable_layer(layer).linear(kinds[i]);
      linear = Linear::LowRank(ToFloatMatrix(factors.left), ToFloatMatrix(factors.right),
                               {linear.bias().begin(), linear.bias().end()});
    }
    return {};
  }

  const Transformer& original_;
  Transformer& compressed_;
  const RankPlan& plan_;
  const FactorizationMethod method_;
  const MomentChoice choice_;
  const int threads_;
  std::optional<ActivationWalk> original_walk_;
  std::optional<ActivationWalk> compressed_walk_;
};

}  // namespace

Result<Transformer> CompressLayers(const Transformer& model, const RankPlan& plan,
                                   FactorizationMethod method,
                                   const std::vector<TokenSequence>& sequences, int threads,
                                   Progress& progress) {
  Transformer compressed = model;
  progress.Begin("compressing", plan.size() * kInputGroups.size());
  LayerCompressor compressor(model, plan, method, sequences, threads, compressed);
  for (int layer = 0; layer < model.config().num_layers; ++layer) {
    for (const InputGroup group : kInputGroups) {
      HALFLING_RETURN_IF_ERROR(compressor.CompressGroup(layer, group));
      progress.Advance();
    }
  }
  return compressed;
}

}  // namespace halfling
