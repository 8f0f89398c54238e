// Stage 5: through the model in order, each group of linears sees what the groups before it
// deliver, original and compressed (activation_walk.h, input_moments.h), and is replaced
// (fit_linear.h).
#ifndef HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_
#define HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_

#include <array>
#include <functional>
#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibration_sequences.h"
#include "compressor/stages/fit_linear.h"
#include "compressor/stages/plan.h"
#include "compressor/stages/streamed_model.h"

namespace halfling {

struct CompressedLayer {
  std::array<FittedLinear, kNumLinearKinds> linears;  // by LinearKind
  // ||H - H'||^2 / ||H||^2 of what the layer gives the next on the calibration tokens; nothing
  // where the method does not run both models.
  std::optional<double> relative_error;
};

// Takes a layer once it is done; norms are the original's.
using LayerSink =
    std::function<Status(int layer, const LayerWeights& original, CompressedLayer compressed)>;

// Gives `sink` every layer of `original` as planned; a matrix that is low-rank already is fitted
// as the product that it is. `compressed`, without layers, has the embedding and the norms that
// the compressed model will run with. Each of the one or two passes over the sequences that method
// and plan need runs every layer once. The result does not depend on `threads`. `sequences` may be
// empty where no plan NeedsInputs.
//
// Holds one layer of each model, the activations of the sequences at one place (ActivationWalk)
// and the moments and output weights of one group.
Status CompressLayers(StreamedModel& original, Transformer compressed, const ModelPlan& plan,
                      FitMethod method, const std::vector<TokenSequence>& sequences, int threads,
                      const LayerSink& sink, Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_
