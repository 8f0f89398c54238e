#include "compressor/interactions/read_examples.h"

#include <algorithm>
#include <string>
#include <system_error>

namespace halfling {

namespace fs = std::filesystem;

fs::path FindInteractions(const fs::path& named, const std::vector<fs::path>& directories) {
  if (!named.empty()) return named;
  const auto found = std::ranges::find_if(directories, [](const fs::path& directory) {
    std::error_code ignored;
    return fs::exists(directory / kInteractionsFile, ignored);
  });
  return (found != directories.end() ? *found : directories.front()) / kInteractionsFile;
}

Result<std::vector<Example>> DrawSplit(const Interactions& interactions, Split split, size_t users,
                                       uint64_t seed, const fs::path& where) {
  std::vector<Example> examples = DrawExamples(LeaveOneOut(interactions, split), users, seed);
  if (examples.empty()) {
    return Fail(ErrorCode::kInvalidRequest, where.string(), ": expected a user with at least ",
                ShortestHistory(split), " items");
  }
  return examples;
}

Result<std::vector<Example>> ReadExamples(const fs::path& interactions, const Catalog& catalog,
                                          Split split, size_t users, uint64_t seed) {
  HALFLING_ASSIGN_OR_RETURN(const Interactions read, ReadInteractions(interactions, catalog));
  return DrawSplit(read, split, users, seed, interactions);
}

}  // namespace halfling
