// From a file of interactions to the examples of a split: what every command evaluates and
// calibrates with.
#ifndef HALFLING_COMPRESSOR_INTERACTIONS_READ_EXAMPLES_H_
#define HALFLING_COMPRESSOR_INTERACTIONS_READ_EXAMPLES_H_

#include <cstdint>
#include <filesystem>
#include <limits>
#include <vector>

#include "compressor/interactions/leave_one_out.h"

namespace halfling {

inline constexpr size_t kAllUsers = std::numeric_limits<size_t>::max();

// `named`, unless it is empty; then the first of the directories' interactions.json that is there,
// or the first directory's. There must be a directory.
std::filesystem::path FindInteractions(const std::filesystem::path& named,
                                       const std::vector<std::filesystem::path>& directories);

// At most `users` examples of the split, drawn by `seed`; at least one, else kInvalidRequest says
// how long a history must be. `where` names the interactions in messages.
Result<std::vector<Example>> DrawSplit(const Interactions& interactions, Split split, size_t users,
                                       uint64_t seed, const std::filesystem::path& where);

// The same of a file. Other errors are ReadInteractions'.
Result<std::vector<Example>> ReadExamples(const std::filesystem::path& interactions,
                                          const Catalog& catalog, Split split, size_t users,
                                          uint64_t seed);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_INTERACTIONS_READ_EXAMPLES_H_
