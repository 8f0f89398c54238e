// Stage 1: the vocabulary shrinks, without loss, to what prompts and item codes can use.
#ifndef HALFLING_COMPRESSOR_STAGES_PRUNE_VOCABULARY_H_
#define HALFLING_COMPRESSOR_STAGES_PRUNE_VOCABULARY_H_

#include <vector>

#include "engine/model_file/model_file.h"

namespace halfling {

struct PrunedVocabulary {
  std::vector<int> ids;                 // [vocab_size]: each kept token's old id, rising
  PromptTemplate prompt;                // in new ids, as are the codes
  std::vector<std::vector<int>> codes;  // [num_items]
};

// Tokens below 0 must not occur.
PrunedVocabulary PruneVocabulary(const PromptTemplate& prompt,
                                 const std::vector<std::vector<int>>& codes);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_PRUNE_VOCABULARY_H_
