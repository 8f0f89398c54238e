#include "compressor/stages/survey.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "compressor/linalg/compensated_rounding.h"
#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"
#include "compressor/stages/activation_walk.h"
#include "compressor/stages/code_divergence.h"
#include "compressor/stages/fit_linear.h"
#include "compressor/stages/input_moments.h"
#include "compressor/stages/output_weights.h"

namespace halfling {
namespace {

constexpr size_t kFewestProbes = 16;
constexpr size_t kMostProbes = 1024;
constexpr size_t kProbeFloats = size_t{1} << 27;  // of the hidden states of all variants: 512 MiB
// What a first survey divides that by: it only finds the ranks near which the second one measures.
constexpr size_t kFirstShare = 4;

// Of a linear's outputs, in squares: replacing it by something closer would measure rounding errors.
constexpr double kLeastTellingError = 1e-4;

// How much a survey is to find out.
enum class Scope { kAll, kDivergencesAlone };

size_t NumProbes(const CalibrationSet& calibration, const ModelConfig& config, Scope scope) {
  const size_t num_sequences = calibration.sequences.size();
  const size_t tokens = CountTokens(calibration.sequences);
  const size_t variants = kNumLinearKinds * static_cast<size_t>(config.num_layers);
  const size_t floats = variants * static_cast<size_t>(config.model_dim) * tokens;  // of all
  const size_t affordable = kProbeFloats * num_sequences / std::max<size_t>(floats, 1);
  const size_t most = std::clamp(affordable, kFewestProbes, kMostProbes);
  const size_t wanted = scope == Scope::kAll ? std::max(most / kFirstShare, kFewestProbes) : most;
  return std::min(num_sequences, wanted);
}

// As many as tell what the inputs of a linear are like, of the widest too: a replacement that is
// fitted to hardly more tokens than it has inputs would look better on them than it is.
CalibrationSet TellingSequences(const CalibrationSet& calibration, const ModelConfig& config) {
  const int inputs = std::max({config.model_dim, config.ffn_dim, config.num_heads * config.head_dim});
  return calibration.First(
      NumTellingSequences(calibration.sequences, static_cast<size_t>(inputs)));
}

size_t GroupOf(LinearKind kind) {
  const auto has_kind = [kind](InputGroup group) {
    return std::ranges::count(KindsOf(group), kind) > 0;
  };
  return static_cast<size_t>(*std::ranges::find_if(kInputGroups, has_kind));
}

size_t PlaceInGroup(LinearKind kind) {
  const auto kinds = KindsOf(kInputGroups[GroupOf(kind)]);
  return static_cast<size_t>(std::ranges::find(kinds, kind) - kinds.begin());
}

Eigen::Index ReferenceRank(const ModelConfig& config, const ModelPlan& reference, int layer,
                           LinearKind kind) {
  const LinearPlan& plan = reference[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  if (plan.storage != Storage::kDense) return plan.rank;
  return RankForShare(LinearShapeOf(config, kind), Storage::kLowRank, 0.5);
}

// The largest rank, at least 1 and at most `rank`, that discards enough to tell what that costs.
Eigen::Index TellingRank(const std::vector<double>& discarded, Eigen::Index rank) {
  while (rank > 1 && discarded[static_cast<size_t>(rank)] < kLeastTellingError * discarded[0]) --rank;
  return rank;
}

// What the linears of a group have in common.
struct SurveyedGroup {
  Eigen::MatrixXd gram;
  std::vector<OutputWeights> outputs;  // of each
  LinearFitter fitter;
  std::optional<RoundingCompensation> rounding;  // for RoundingErrors::kMeasured
};

// The original with one linear replaced, on its way through the layers.
struct Variant {
  size_t layer;
  LinearKind kind;
  ActivationWalk walk;
};

class Surveyor {
 public:
  Surveyor(StreamedModel& original, const ModelPlan& reference, const CalibrationSet& calibration,
           Scope scope, RoundingErrors rounding, int threads)
      : original_(original),
        reference_(reference),
        rounding_(rounding),
        threads_(threads),
        probes_(calibration.First(NumProbes(calibration, original.config(), scope))),
        walked_(scope == Scope::kAll ? calibration
                                     : TellingSequences(calibration, original.config())),
        walk_(original.transformer(), walked_.sequences, threads),
        probe_walk_(original.transformer(), probes_.sequences, threads),
        survey_(static_cast<size_t>(original.config().num_layers)) {}

  Status SurveyLayer(int layer) {
    HALFLING_RETURN_IF_ERROR(original_.Load(layer));
    std::vector<ActivationWalk*> walks;
    for (Variant& variant : variants_) walks.push_back(&variant.walk);
    ActivationWalk::RunLayer(walks, original_.transformer(), layer, threads_);

    HALFLING_ASSIGN_OR_RETURN(const std::vector<SurveyedGroup> groups, SurveyGroups(layer));
    HALFLING_ASSIGN_OR_RETURN(std::vector<Linear> replacements, ReplaceLinears(layer, groups));
    for (const LinearKind kind : kLinearKinds) {
      Branch(layer, kind, replacements[static_cast<size_t>(kind)]);
    }
    probe_walk_.RunLayer(original_.transformer(), layer, threads_);
    original_.Drop(layer);
    return {};
  }

  Result<Survey> Finish(const ItemTrie& trie) {
    for (const Variant& variant : variants_) {
      HALFLING_ASSIGN_OR_RETURN(
          survey_[variant.layer][static_cast<size_t>(variant.kind)].divergence,
          CodeDivergence(original_.transformer(), trie, probes_.targets, probe_walk_, variant.walk,
                         threads_));
    }
    return std::move(survey_);
  }

 private:
  // Walks through the layer.
  Result<std::vector<SurveyedGroup>> SurveyGroups(int layer) {
    std::vector<Eigen::MatrixXd> grams;
    std::vector<std::vector<OutputWeights>> outputs;
    walk_.BeginLayer(original_.transformer(), layer, threads_);
    for (size_t group = 0; group < kInputGroups.size(); ++group) {
      const Eigen::VectorXd weights = TokenWeights(
          walk_, original_.layer(layer), original_.config().rms_norm_eps, threads_);
      InputMoments moments =
          SumMoments(&walk_, nullptr, {.original = true}, threads_, weights);
      moments.original.diagonal().array() += PriorRidge(moments.original, moments.tokens);
      grams.push_back(std::move(moments.original));
      HALFLING_ASSIGN_OR_RETURN(
          outputs.emplace_back(),
          MeasureOutputWeights(original_.transformer(), layer, walk_, threads_));
      walk_.Advance(original_.transformer(), threads_);
    }
    return ParallelResults<SurveyedGroup>(grams.size(), threads_, [&](size_t group) {
      const std::string name = LinearName(layer, KindsOf(kInputGroups[group]).front());
      return SurveyGroup(std::move(grams[group]), std::move(outputs[group]), name);
    });
  }

  Result<SurveyedGroup> SurveyGroup(Eigen::MatrixXd gram, std::vector<OutputWeights> outputs,
                                    const std::string& name) const {
    InputMoments moments;
    moments.original = gram;
    HALFLING_ASSIGN_OR_RETURN(
        LinearFitter fitter,
        LinearFitter::Create(FitMethod::kWhitenedSvd, std::move(moments), name));
    SurveyedGroup group = {std::move(gram), std::move(outputs), std::move(fitter), std::nullopt};
    if (rounding_ == RoundingErrors::kMeasured) {
      HALFLING_ASSIGN_OR_RETURN(group.rounding,
                                RoundingCompensation::Create(group.gram, name.c_str()));
    }
    return group;
  }

  // Surveys all linears of the layer; gives those to try, by LinearKind.
  Result<std::vector<Linear>> ReplaceLinears(int layer, const std::vector<SurveyedGroup>& groups) {
    return ParallelResults<Linear>(kNumLinearKinds, threads_, [&](size_t i) {
      return SurveyLinear(layer, kLinearKinds[i], groups[GroupOf(kLinearKinds[i])]);
    });
  }

  // Fills in all but the divergence; returns the linear at the rank to try.
  Result<Linear> SurveyLinear(int layer, LinearKind kind, const SurveyedGroup& group) {
    const std::string name = LinearName(layer, kind);
    const Linear& linear = original_.layer(layer).linear(kind);
    const Eigen::MatrixXd doubles = ToDoubles(linear.Unpack());
    const OutputWeights& outputs = group.outputs[PlaceInGroup(kind)];
    const Eigen::Index rank = ReferenceRank(original_.config(), reference_, layer, kind);
    HALFLING_ASSIGN_OR_RETURN(const LowRankFactors factors,
                              group.fitter.Factorize(doubles, outputs, rank, name));

    SurveyedLinear& surveyed = survey_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
    const Eigen::VectorXd& values = factors.singular_values;
    surveyed.discarded.assign(static_cast<size_t>(values.size()) + 1, 0.0);
    for (Eigen::Index r = values.size(); r-- > 0;) {
      const auto at = static_cast<size_t>(r);
      surveyed.discarded[at] = surveyed.discarded[at + 1] + values[r] * values[r];
    }
    surveyed.reference_rank = TellingRank(surveyed.discarded, rank);
    surveyed.reference_error = surveyed.discarded[static_cast<size_t>(surveyed.reference_rank)];
    if (group.rounding) {
      const auto error_of = [&](const Matrix& rounded) {
        Eigen::MatrixXd difference = doubles - ToDoubles(rounded);
        outputs.Weigh(difference);
        return (difference * group.gram).cwiseProduct(difference).sum();
      };
      surveyed.int8_error = error_of(ToMatrix(group.rounding->ToInt8(doubles, kLargestInt7)));
      surveyed.int4_error = error_of(ToMatrix(group.rounding->ToInt4(doubles)));
    }
    return Linear::LowRank(ToFloatMatrix(factors.left.leftCols(surveyed.reference_rank)),
                           ToFloatMatrix(factors.right.topRows(surveyed.reference_rank)),
                           {linear.bias().begin(), linear.bias().end()});
  }

  // Sends the probes through the layer with the replacement in it.
  void Branch(int layer, LinearKind kind, Linear& replacement) {
    Linear& place = original_.mutable_layer(layer).linear(kind);
    std::swap(place, replacement);
    Variant variant = {static_cast<size_t>(layer), kind, probe_walk_};
    variant.walk.RunLayer(original_.transformer(), layer, threads_);
    variants_.push_back(std::move(variant));
    std::swap(place, replacement);
  }

  StreamedModel& original_;
  const ModelPlan& reference_;
  const RoundingErrors rounding_;
  const int threads_;
  const CalibrationSet probes_;
  const CalibrationSet walked_;
  ActivationWalk walk_;
  ActivationWalk probe_walk_;  // through the original, before the layer at hand
  std::vector<Variant> variants_;
  Survey survey_;
};

Result<Survey> RunSurvey(StreamedModel& original, const ModelPlan& reference,
                         const CalibrationSet& calibration, Scope scope, RoundingErrors rounding,
                         const ItemTrie& trie, int threads, Progress& progress) {
  const int num_layers = original.config().num_layers;
  progress.Begin("surveying", static_cast<size_t>(num_layers));
  Surveyor surveyor(original, reference, calibration, scope, rounding, threads);
  for (int layer = 0; layer < num_layers; ++layer) {
    HALFLING_RETURN_IF_ERROR(surveyor.SurveyLayer(layer));
    progress.Advance();
  }
  return surveyor.Finish(trie);
}

}  // namespace

Result<Survey> SurveyLinears(StreamedModel& original, const ModelPlan& reference,
                             const CalibrationSet& calibration, const ItemTrie& trie,
                             RoundingErrors rounding, int threads, Progress& progress) {
  return RunSurvey(original, reference, calibration, Scope::kAll, rounding, trie, threads, progress);
}

Result<Survey> SurveyAgain(const Survey& survey, StreamedModel& original,
                           const ModelPlan& reference, const CalibrationSet& calibration,
                           const ItemTrie& trie, int threads, Progress& progress) {
  const ModelConfig& config = original.config();
  HALFLING_ASSIGN_OR_RETURN(
      const Survey fresh, RunSurvey(original, reference, calibration, Scope::kDivergencesAlone,
                                    RoundingErrors::kNone, trie, threads, progress));
  Survey merged = survey;
  for (int layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const auto at = static_cast<size_t>(layer);
      SurveyedLinear& linear = merged[at][static_cast<size_t>(kind)];
      const SurveyedLinear& again = fresh[at][static_cast<size_t>(kind)];
      linear.reference_rank = again.reference_rank;
      linear.reference_error = linear.discarded[static_cast<size_t>(again.reference_rank)];
      linear.divergence = again.divergence;
    }
  }
  return merged;
}

}  // namespace halfling
