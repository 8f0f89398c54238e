// Stage 3: through the model in order, each group of linears sees what the groups before it
// deliver, original and compressed (activation_walk.h, input_moments.h), and is replaced
// (factorize.h).
#ifndef HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_
#define HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_

#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibration_sequences.h"
#include "compressor/stages/choose_ranks.h"
#include "compressor/stages/factorize.h"
#include "engine/model/transformer.h"

namespace halfling {

// A copy of `model` whose planned linears are low-rank; a matrix that is low-rank already is
// factorized as the product that it is. Biases, norms and embeddings stay. Each of the one or two
// passes over the sequences that the method needs runs every layer once. The result does not depend
// on `threads`. `sequences` may be empty for kSvd only.
//
// Holds the activations of the sequences at one place (ActivationWalk) and the moments of one group
// at a time.
Result<Transformer> CompressLayers(const Transformer& model, const RankPlan& plan,
                                   FactorizationMethod method,
                                   const std::vector<TokenSequence>& sequences, int threads,
                                   Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_COMPRESS_LAYERS_H_
