#include "compressor/stages/compress_layers.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"
#include "compressor/stages/activation_walk.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/output_weights.h"

namespace halfling {
namespace {

class LayerCompressor {
 public:
  LayerCompressor(StreamedModel& original, Transformer compressed, const ModelPlan& plan,
                  FitMethod method, const std::vector<TokenSequence>& sequences, int threads)
      : original_(original),
        compressed_(std::move(compressed)),
        plan_(plan),
        method_(method),
        choice_(NeedsMoments() ? MomentsFor(method) : MomentChoice()),
        threads_(threads) {
    if (choice_.original || choice_.cross) {
      original_walk_.emplace(original.transformer(), sequences, threads);
    }
    if (choice_.compressed || choice_.cross) {
      compressed_walk_.emplace(compressed_, sequences, threads);
    }
  }

  Status CompressLayer(int layer, const LayerSink& sink) {
    HALFLING_RETURN_IF_ERROR(original_.Load(layer));
    LayerWeights& weights = compressed_.mutable_layer(layer);
    weights = original_.layer(layer);
    if (original_walk_) original_walk_->BeginLayer(original_.transformer(), layer, threads_);
    if (compressed_walk_) compressed_walk_->BeginLayer(compressed_, layer, threads_);
    CompressedLayer result;
    for (const InputGroup group : kInputGroups) {
      HALFLING_RETURN_IF_ERROR(FitGroup(layer, group, result));
      for (const LinearKind kind : KindsOf(group)) {
        weights.linear(kind) = MakeLinear(result.linears[static_cast<size_t>(kind)].stored);
      }
      if (original_walk_) original_walk_->Advance(original_.transformer(), threads_);
      if (compressed_walk_) compressed_walk_->Advance(compressed_, threads_);
    }
    if (original_walk_ && compressed_walk_) {
      result.relative_error = RelativeHiddenError(*original_walk_, *compressed_walk_);
    }
    HALFLING_RETURN_IF_ERROR(sink(layer, original_.layer(layer), std::move(result)));
    original_.Drop(layer);
    weights = LayerWeights();
    return {};
  }

 private:
  const LinearPlan& PlanOf(int layer, LinearKind kind) const {
    return plan_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }

  bool NeedsMoments() const {
    return std::ranges::any_of(plan_, [this](const LayerPlan& layer) {
      return std::ranges::any_of(
          layer, [this](const LinearPlan& plan) { return NeedsInputs(method_, plan); });
    });
  }

  // Of each of the group's linears.
  Result<std::vector<OutputWeights>> OutputsOf(int layer, InputGroup group) const {
    const std::span<const LinearKind> kinds = KindsOf(group);
    const bool factorizes = std::ranges::any_of(
        kinds, [&](LinearKind kind) { return PlanOf(layer, kind).storage != Storage::kDense; });
    if (method_ != FitMethod::kRegression || !factorizes) {
      return std::vector<OutputWeights>(kinds.size());
    }
    return MeasureOutputWeights(original_.transformer(), layer, *original_walk_, threads_);
  }

  Status FitGroup(int layer, InputGroup group, CompressedLayer& result) {
    const std::span<const LinearKind> kinds = KindsOf(group);
    const bool needs_inputs = std::ranges::any_of(
        kinds, [&](LinearKind kind) { return NeedsInputs(method_, PlanOf(layer, kind)); });
    HALFLING_ASSIGN_OR_RETURN(const std::vector<OutputWeights> outputs, OutputsOf(layer, group));
    InputMoments moments;
    if (needs_inputs) {
      Eigen::VectorXd weights;
      if (choice_.lack) {
        weights = TokenWeights(*original_walk_, original_.layer(layer),
                               original_.config().rms_norm_eps, threads_);
      }
      moments =
          SumMoments(original_walk_ ? &*original_walk_ : nullptr,
                     compressed_walk_ ? &*compressed_walk_ : nullptr, choice_, threads_, weights);
    }
    HALFLING_ASSIGN_OR_RETURN(
        const LinearFitter fitter,
        LinearFitter::Create(needs_inputs ? method_ : FitMethod::kSvd, std::move(moments),
                             LinearName(layer, kinds.front())));
    HALFLING_ASSIGN_OR_RETURN(
        std::vector<FittedLinear> fits,
        ParallelResults<FittedLinear>(kinds.size(), threads_, [&](size_t i) {
          const Linear& linear = original_.layer(layer).linear(kinds[i]);
          return fitter.Fit(ToDoubles(linear.Unpack()), outputs[i], PlanOf(layer, kinds[i]),
                            LinearName(layer, kinds[i]));
        }));
    for (size_t i = 0; i < kinds.size(); ++i) {
      FittedLinear& fitted = result.linears[static_cast<size_t>(kinds[i])];
      fitted = std::move(fits[i]);
      const std::span<const float> bias = original_.layer(layer).linear(kinds[i]).bias();
      fitted.stored.bias.assign(bias.begin(), bias.end());
    }
    return {};
  }

  StreamedModel& original_;
  Transformer compressed_;
  const ModelPlan& plan_;
  const FitMethod method_;
  const MomentChoice choice_;
  const int threads_;
  std::optional<ActivationWalk> original_walk_;
  std::optional<ActivationWalk> compressed_walk_;
};

}  // namespace

Status CompressLayers(StreamedModel& original, Transformer compressed, const ModelPlan& plan,
                      FitMethod method, const std::vector<TokenSequence>& sequences, int threads,
                      const LayerSink& sink, Progress& progress) {
  progress.Begin("compressing", plan.size());
  LayerCompressor compressor(original, std::move(compressed), plan, method, sequences, threads);
  for (int layer = 0; layer < original.config().num_layers; ++layer) {
    HALFLING_RETURN_IF_ERROR(compressor.CompressLayer(layer, sink));
    progress.Advance();
  }
  return {};
}

}  // namespace halfling
