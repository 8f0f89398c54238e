// Stage 5: progressive alignment (OD-LLM, arXiv 2601.09306). Each factorized matrix was fitted to
// the inputs X of the original model, but in the compressed one it sees X', with the errors of
// everything before it. Going through the model in order, the left factor is refitted to them:
//
//   A = argmin ||W X - A B X'||_F = W K B^T (B G' B^T)^-1,  K = X X'^T,  G' = X' X'^T.
//
// B is fixed, so with Z = B X' [rank, T] only K B^T = X Z^T [n, rank] and B G' B^T = Z Z^T are
// summed.
#ifndef HALFLING_COMPRESSOR_STAGES_ALIGN_H_
#define HALFLING_COMPRESSOR_STAGES_ALIGN_H_

#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibration_sequences.h"
#include "engine/model/transformer.h"

namespace halfling {

// What the compressed layer's output is fitted to.
enum class AlignmentTarget {
  kOriginalOutput,  // W X: what the original model has there, so that errors upstream are corrected
  kOwnInput,        // W X': what the dense layer would make of the compressed model's activations
};

// How often the compressed activations are taken anew.
enum class AlignmentStep {
  kGroup,  // after each of {q,k,v}, {o}, {gate,up}, {down}
  kBlock,  // once a block
};

struct AlignmentOptions {
  AlignmentTarget target = AlignmentTarget::kOriginalOutput;
  AlignmentStep step = AlignmentStep::kGroup;
};

// Refits the left factors of `compressed`, a factorization of `original`, in place. Runs both
// models layer by layer over the sequences, whose hidden states (twice [tokens, model_dim]) it
// holds.
Status AlignLeftFactors(const Transformer& original, const std::vector<TokenSequence>& sequences,
                        const AlignmentOptions& options, int threads, Progress& progress,
                        Transformer& compressed);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_ALIGN_H_
