// Stage 4: each planned matrix becomes a product of two factors.
#ifndef HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_
#define HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_

#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibrate.h"
#include "compressor/stages/choose_ranks.h"
#include "engine/model/transformer.h"

namespace halfling {

enum class FactorizationMethod {
  kSvd,          // nearest in the weights: ||W - A B||
  kWhitenedSvd,  // nearest in the outputs on the calibration tokens: ||(W - A B) X|| (SVD-LLM)
};

// A copy of `model` whose planned linears are low-rank; a matrix that is low-rank already is
// factorized as the product that it is. `moments` ([num_layers]) is read by kWhitenedSvd only.
// Biases, norms and embeddings stay.
Result<Transformer> Factorize(const Transformer& model, const RankPlan& plan,
                              FactorizationMethod method, const std::vector<LayerMoments>& moments,
                              int threads, Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_FACTORIZE_H_
