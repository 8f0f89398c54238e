// How far a changed model's distribution over the catalogue is from the original's.
#ifndef HALFLING_COMPRESSOR_STAGES_CODE_DIVERGENCE_H_
#define HALFLING_COMPRESSOR_STAGES_CODE_DIVERGENCE_H_

#include <vector>

#include "compressor/stages/activation_walk.h"
#include "engine/base/result.h"
#include "engine/model/transformer.h"
#include "engine/search/item_trie.h"

namespace halfling {

// The mean over sequences of KL(original || other) in nats, summed over the positions at which the
// target's code is predicted (the last of a calibration sequence), each over the tokens that the
// trie allows there. Both walks have ended the last layer; `model` gives the head. targets: items,
// one a sequence. kNonFiniteWeight where a logit is not finite.
Result<double> CodeDivergence(const Transformer& model, const ItemTrie& trie,
                              const std::vector<int>& targets, const ActivationWalk& original,
                              const ActivationWalk& other, int threads);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_CODE_DIVERGENCE_H_
