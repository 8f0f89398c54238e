#include "compressor/interactions/leave_one_out.h"

#include <algorithm>
#include <random>

#include "compressor/random.h"

namespace halfling {
namespace {

// How many items at a history's end lie beyond the split's target.
size_t ItemsAfterTarget(Split split) {
  switch (split) {
    case Split::kTraining:
      return 2;
    case Split::kValidation:
      return 1;
    case Split::kTest:
      return 0;
  }
  return 0;
}

}  // namespace

size_t ShortestHistory(Split split) { return ItemsAfterTarget(split) + 2; }

std::vector<Example> LeaveOneOut(const Interactions& interactions, Split split) {
  const size_t after = ItemsAfterTarget(split);
  std::vector<Example> examples;
  for (const UserHistory& user : interactions) {
    if (user.items.size() < ShortestHistory(split)) continue;
    const auto target = user.items.end() - static_cast<std::ptrdiff_t>(after) - 1;
    examples.push_back({std::vector<int>(user.items.begin(), target), *target});
  }
  return examples;
}

std::vector<Example> DrawExamples(const std::vector<Example>& examples, size_t count,
                                  uint64_t seed) {
  if (examples.size() <= count) return examples;
  // Selection sampling (Knuth, TAOCP 2, algorithm 3.4.2 S) keeps the order.
  std::mt19937_64 random(seed);
  std::vector<Example> drawn;
  for (size_t i = 0; drawn.size() < count; ++i) {
    if (DrawBelow(examples.size() - i, random) < count - drawn.size()) {
      drawn.push_back(examples[i]);
    }
  }
  return drawn;
}

size_t CountSeenTargets(const std::vector<Example>& examples) {
  return static_cast<size_t>(std::ranges::count_if(examples, [](const Example& example) {
    return std::ranges::find(example.history, example.target) != example.history.end();
  }));
}

}  // namespace halfling
