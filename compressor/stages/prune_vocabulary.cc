#include "compressor/stages/prune_vocabulary.h"

#include <algorithm>

namespace halfling {
namespace {

std::vector<int> UsedTokens(const PromptTemplate& prompt,
                            const std::vector<std::vector<int>>& codes) {
  std::vector<int> used;
  const auto add = [&used](const std::vector<int>& tokens) {
    used.insert(used.end(), tokens.begin(), tokens.end());
  };
  add(prompt.prefix);
  add(prompt.separator);
  add(prompt.suffix);
  for (const std::vector<int>& code : codes) add(code);
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  return used;
}

}  // namespace

PrunedVocabulary PruneVocabulary(const PromptTemplate& prompt,
                                 const std::vector<std::vector<int>>& codes) {
  PrunedVocabulary pruned{UsedTokens(prompt, codes), prompt, codes};
  const auto renumber = [&ids = pruned.ids](std::vector<int>& tokens) {
    for (int& token : tokens) {
      token = static_cast<int>(std::lower_bound(ids.begin(), ids.end(), token) - ids.begin());
    }
  };
  renumber(pruned.prompt.prefix);
  renumber(pruned.prompt.separator);
  renumber(pruned.prompt.suffix);
  for (std::vector<int>& code : pruned.codes) renumber(code);
  return pruned;
}

}  // namespace halfling
