// Stage 2: which token sequences the compression is fitted to.
#ifndef HALFLING_COMPRESSOR_STAGES_CALIBRATION_SEQUENCES_H_
#define HALFLING_COMPRESSOR_STAGES_CALIBRATION_SEQUENCES_H_

#include <vector>

#include "compressor/interactions/leave_one_out.h"
#include "engine/model_file/model_file.h"

namespace halfling {

using TokenSequence = std::vector<int>;

// Sequences, and the item that each leads to.
struct CalibrationSet {
  std::vector<TokenSequence> sequences;
  std::vector<int> targets;  // item indices

  // The first `count` of them.
  CalibrationSet First(size_t count) const;
};

// Of all sequences together.
size_t CountTokens(const std::vector<TokenSequence>& sequences);

// How many of the first sequences tell the second moments of so many values: those of eight tokens for
// each, or all.
size_t NumTellingSequences(const std::vector<TokenSequence>& sequences, size_t values);

// For each example what the model runs while it ranks: the prompt of the history's last
// prompt.max_history items, then the target's code without its last token (whose output nobody
// reads). So the positions at which codes are predicted are seen as often as in use.
CalibrationSet MakeCalibrationSet(const std::vector<Example>& examples,
                                  const PromptTemplate& prompt,
                                  const std::vector<std::vector<int>>& codes);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_CALIBRATION_SEQUENCES_H_
