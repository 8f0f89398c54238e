#include "compressor/stages/calibration_sequences.h"

#include <algorithm>

namespace halfling {
namespace {

void Append(TokenSequence& sequence, const std::vector<int>& tokens) {
  sequence.insert(sequence.end(), tokens.begin(), tokens.end());
}

}  // namespace

size_t CountTokens(const std::vector<TokenSequence>& sequences) {
  size_t tokens = 0;
  for (const TokenSequence& sequence : sequences) tokens += sequence.size();
  return tokens;
}

CalibrationSet CalibrationSet::First(size_t count) const {
  const auto end = static_cast<std::ptrdiff_t>(std::min(count, sequences.size()));
  return {{sequences.begin(), sequences.begin() + end}, {targets.begin(), targets.begin() + end}};
}

CalibrationSet MakeCalibrationSet(const std::vector<Example>& examples,
                                  const PromptTemplate& prompt,
                                  const std::vector<std::vector<int>>& codes) {
  CalibrationSet set;
  for (const Example& example : examples) {
    const std::vector<int>& history = example.history;
    const size_t used = std::min(history.size(), static_cast<size_t>(prompt.max_history));
    const size_t first = history.size() - used;

    TokenSequence sequence = prompt.prefix;
    for (size_t i = first; i < history.size(); ++i) {
      if (i > first) Append(sequence, prompt.separator);
      Append(sequence, codes[static_cast<size_t>(history[i])]);
    }
    Append(sequence, prompt.suffix);
    Append(sequence, codes[static_cast<size_t>(example.target)]);
    sequence.pop_back();
    set.sequences.push_back(std::move(sequence));
    set.targets.push_back(example.target);
  }
  return set;
}

}  // namespace halfling
