// Stage 3: what each linear of the original would lose by being smaller, and what the ranking would
// lose by that.
#ifndef HALFLING_COMPRESSOR_STAGES_SURVEY_H_
#define HALFLING_COMPRESSOR_STAGES_SURVEY_H_

#include <array>
#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibration_sequences.h"
#include "compressor/stages/plan.h"
#include "compressor/stages/streamed_model.h"
#include "engine/search/item_trie.h"

namespace halfling {

// Errors are ||F^T (W - W^) X||^2 over the calibration tokens, with F of OutputWeights; tokens count
// as TokenWeights says.
struct SurveyedLinear {
  std::vector<double> discarded;  // [min(m, n) + 1]: of the best map of each rank
  // Of the dense weight rounded with compensation, to int8 within kLargestInt7 as LinearFitter first
  // does; 0 for RoundingErrors::kNone.
  double int8_error = 0;
  double int4_error = 0;
  int64_t reference_rank = 0;     // that was tried
  double reference_error = 0;     // of that rank
  // KL(original || original with this linear alone at that rank), in nats a target's code.
  double divergence = 0;
};
using SurveyedLayer = std::array<SurveyedLinear, kNumLinearKinds>;  // by LinearKind
using Survey = std::vector<SurveyedLayer>;                          // [num_layers]

// Only a choice among precisions asks for those of rounding.
enum class RoundingErrors { kNone, kMeasured };

// Walks the original through the calibration once, one layer in memory at a time. For the
// divergences a part of the sequences, the probes, goes on from each replaced linear to the end: as
// many as a bound on their activations lets through, or a quarter of that. `reference` gives the
// ranks to try; a dense linear there is tried at half its parameters. The result does not depend on
// `threads`.
Result<Survey> SurveyLinears(StreamedModel& original, const ModelPlan& reference,
                             const CalibrationSet& calibration, const ItemTrie& trie,
                             RoundingErrors rounding, int threads, Progress& progress);

// The same at other reference ranks, and for the divergences alone, but those from all probes. The
// replacements are fitted to as many of the sequences as it takes for them to fit the others too.
Result<Survey> SurveyAgain(const Survey& survey, StreamedModel& original,
                           const ModelPlan& reference, const CalibrationSet& calibration,
                           const ItemTrie& trie, int threads, Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_SURVEY_H_
