#include "compressor/stages/calibration_sequences.h"

#include <algorithm>

namespace halfling {

size_t CountTokens(const std::vector<TokenSequence>& sequences) {
  size_t tokens = 0;
  for (const TokenSequence& sequence : sequences) tokens += sequence.size();
  return tokens;
}

size_t NumTellingSequences(const std::vector<TokenSequence>& sequences, size_t values) {
  constexpr size_t kTokensPerValue = 8;
  size_t tokens = 0;
  size_t count = 0;
  while (count < sequences.size() && tokens < kTokensPerValue * values) {
    tokens += sequences[count++].size();
  }
  return count;
}

CalibrationSet CalibrationSet::First(size_t count) const {
  const auto end = static_cast<std::ptrdiff_t>(std::min(count, sequences.size()));
  return {{sequences.begin(), sequences.begin() + end}, {targets.begin(), targets.begin() + end}};
}

CalibrationSet MakeCalibrationSet(const std::vector<Example>& examples,
                                  const PromptTemplate& prompt,
                                  const std::vector<std::vector<int>>& codes) {
  const auto append_code = [&codes](int item, std::vector<int>& tokens) {
    const std::vector<int>& code = codes[static_cast<size_t>(item)];
    tokens.insert(tokens.end(), code.begin(), code.end());
  };
  CalibrationSet set;
  for (const Example& example : examples) {
    TokenSequence sequence = prompt.Fill(example.history, append_code);
    append_code(example.target, sequence);
    sequence.pop_back();
    set.sequences.push_back(std::move(sequence));
    set.targets.push_back(example.target);
  }
  return set;
}

}  // namespace halfling
