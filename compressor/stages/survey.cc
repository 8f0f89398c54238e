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

namespace halfling {
namespace {

constexpr size_t kFewestProbes = 16;
constexpr size_t kMostProbes = 1024;
constexpr size_t kProbeFloats = size_t{1} << 27;  // of the hidden states of all variants: 512 MiB

// Of a linear's outputs, in squares: replacing it by something closer would measure rounding errors.
constexpr double kLeastTellingError = 1e-4;

size_t NumProbes(const CalibrationSet& calibration, const ModelConfig& config) {
  const size_t num_sequences = calibration.sequences.size();
  size_t tokens = 0;
  for (const TokenSequence& sequence : calibration.sequences) tokens += sequence.size();
  const size_t variants = kNumLinearKinds * static_cast<size_t>(config.num_layers);
  const size_t floats = variants * static_cast<size_t>(config.model_dim) * tokens;  // of all
  const size_t affordable = kProbeFloats * num_sequences / std::max<size_t>(floats, 1);
  return std::min(num_sequences, std::clamp(affordable, kFewestProbes, kMostProbes));
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

// A linear of the layer at hand at the rank that is tried.
struct Replacement {
  LinearKind kind;
  Linear linear;
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
           size_t num_probes, int threads)
      : original_(original),
        reference_(reference),
        threads_(threads),
        probes_(calibration.First(num_probes)),
        walk_(original.transformer(), calibration.sequences, threads),
        probe_walk_(original.transformer(), probes_.sequences, threads),
        survey_(static_cast<size_t>(original.config().num_layers)) {}

  Status SurveyLayer(int layer) {
    HALFLING_RETURN_IF_ERROR(original_.Load(layer));
    for (Variant& variant : variants_) {
      variant.walk.RunLayer(original_.transformer(), layer, threads_);
    }
    std::vector<Replacement> replacements;
    walk_.BeginLayer(original_.transformer(), layer, threads_);
    for (const InputGroup group : kInputGroups) {
      HALFLING_RETURN_IF_ERROR(SurveyGroup(layer, group, replacements));
      walk_.Advance(original_.transformer(), threads_);
    }
    for (Replacement& replacement : replacements) Branch(layer, replacement);
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
  Status SurveyGroup(int layer, InputGroup group, std::vector<Replacement>& replacements) {
    const InputMoments moments = SumMoments(&walk_, nullptr, {.original = true}, threads_);
    const std::span<const LinearKind> kinds = KindsOf(group);
    HALFLING_ASSIGN_OR_RETURN(
        const LinearFitter fitter,
        LinearFitter::Create(FitMethod::kWhitenedSvd, moments, LinearName(layer, kinds.front())));
    std::vector<std::optional<Result<Linear>>> results(kinds.size());
    ParallelFor(kinds.size(), threads_, [&](size_t i, size_t) {
      results[i] = SurveyLinear(layer, kinds[i], moments.original, fitter);
    });
    for (size_t i = 0; i < kinds.size(); ++i) {
      HALFLING_ASSIGN_OR_RETURN(Linear linear, *std::move(results[i]));
      replacements.push_back({kinds[i], std::move(linear)});
    }
    return {};
  }

  // Fills in all but the divergence; returns the linear at the rank to try.
  Result<Linear> SurveyLinear(int layer, LinearKind kind, const Eigen::MatrixXd& gram,
                              const LinearFitter& fitter) {
    const std::string name = LinearName(layer, kind);
    const Linear& linear = original_.layer(layer).linear(kind);
    const Matrix weight = linear.Unpack();
    const Eigen::MatrixXd doubles = ToDoubles(weight);
    const Eigen::Index rank = ReferenceRank(original_.config(), reference_, layer, kind);
    HALFLING_ASSIGN_OR_RETURN(const LowRankFactors factors, fitter.Factorize(doubles, rank, name));

    SurveyedLinear& surveyed = survey_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
    const Eigen::VectorXd& values = factors.singular_values;
    surveyed.discarded.assign(static_cast<size_t>(values.size()) + 1, 0.0);
    for (Eigen::Index r = values.size(); r-- > 0;) {
      const auto at = static_cast<size_t>(r);
      surveyed.discarded[at] = surveyed.discarded[at + 1] + values[r] * values[r];
    }
    surveyed.reference_rank = TellingRank(surveyed.discarded, rank);
    surveyed.reference_error = surveyed.discarded[static_cast<size_t>(surveyed.reference_rank)];
    const auto error_of = [&](const Matrix& rounded) {
      const Eigen::MatrixXd difference = doubles - ToDoubles(rounded);
      return (difference * gram).cwiseProduct(difference).sum();
    };
    HALFLING_ASSIGN_OR_RETURN(const Int4Matrix int4, RoundToInt4(doubles, gram, name.c_str()));
    surveyed.int8_error = error_of(ToMatrix(QuantizeInt8(weight)));
    surveyed.int4_error = error_of(ToMatrix(int4));
    return Linear::LowRank(ToFloatMatrix(factors.left.leftCols(surveyed.reference_rank)),
                           ToFloatMatrix(factors.right.topRows(surveyed.reference_rank)),
                           {linear.bias().begin(), linear.bias().end()});
  }

  // Sends the probes through the layer with the replacement in it.
  void Branch(int layer, Replacement& replacement) {
    Linear& place = original_.mutable_layer(layer).linear(replacement.kind);
    std::swap(place, replacement.linear);
    Variant variant = {static_cast<size_t>(layer), replacement.kind, probe_walk_};
    variant.walk.RunLayer(original_.transformer(), layer, threads_);
    variants_.push_back(std::move(variant));
    std::swap(place, replacement.linear);
  }

  StreamedModel& original_;
  const ModelPlan& reference_;
  const int threads_;
  const CalibrationSet probes_;
  ActivationWalk walk_;
  ActivationWalk probe_walk_;  // through the original, before the layer at hand
  std::vector<Variant> variants_;
  Survey survey_;
};

Result<Survey> RunSurvey(StreamedModel& original, const ModelPlan& reference,
                         const CalibrationSet& calibration, size_t num_probes, const ItemTrie& trie,
                         int threads, Progress& progress) {
  const int num_layers = original.config().num_layers;
  progress.Begin("surveying", static_cast<size_t>(num_layers));
  Surveyor surveyor(original, reference, calibration, num_probes, threads);
  for (int layer = 0; layer < num_layers; ++layer) {
    HALFLING_RETURN_IF_ERROR(surveyor.SurveyLayer(layer));
    progress.Advance();
  }
  return surveyor.Finish(trie);
}

}  // namespace

Result<Survey> SurveyLinears(StreamedModel& original, const ModelPlan& reference,
                             const CalibrationSet& calibration, const ItemTrie& trie, int threads,
                             Progress& progress) {
  return RunSurvey(original, reference, calibration,
                   NumProbes(calibration, original.config()), trie, threads, progress);
}

Result<Survey> SurveyAgain(const Survey& survey, StreamedModel& original,
                           const ModelPlan& reference, const CalibrationSet& calibration,
                           const ItemTrie& trie, int threads, Progress& progress) {
  const ModelConfig& config = original.config();
  const size_t num_probes = NumProbes(calibration, config);
  HALFLING_ASSIGN_OR_RETURN(
      const Survey fresh, RunSurvey(original, reference, calibration.First(num_probes), num_probes,
                                    trie, threads, progress));
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
