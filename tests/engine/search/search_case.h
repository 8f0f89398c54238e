// Random catalogues, logits and requests for the searches, and their answers by the definition.
#ifndef HALFLING_TESTS_ENGINE_SEARCH_SEARCH_CASE_H_
#define HALFLING_TESTS_ENGINE_SEARCH_SEARCH_CASE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "engine/search/best_items.h"
#include "engine/search/item_filter.h"
#include "engine/search/item_trie.h"
#include "engine/search/logits_source.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

// Logits that depend on the whole path, as a model's do: a hash of path and token. Counts what it
// runs, and checks that it is asked as LogitsSource says.
class HashedLogits final : public LogitsSource {
 public:
  // `coarse` logits take few values, so that scores tie often.
  HashedLogits(uint32_t seed, bool coarse) : coarse_(coarse), states_{seed} {}

  void Extend(std::span<const int> parents, std::span<const int> tokens) override;
  void Logits(int state, std::span<const int> tokens, std::span<float> logits) override;

  int num_run() const { return static_cast<int>(states_.size()) - 1; }
  size_t widest() const { return widest_; }  // the largest batch

 private:
  bool coarse_;
  std::vector<uint32_t> states_;
  size_t first_of_last_ = 0;
  size_t widest_ = 0;
};

struct SearchCase {
  // With `filtered`, some items are excluded; with `boosted`, some are boosted.
  SearchCase(Random& random, bool filtered, bool boosted);
  SearchCase(const SearchCase&) = delete;
  SearchCase& operator=(const SearchCase&) = delete;

  std::vector<ItemCode> items;
  ItemTrie trie;
  ItemFilter filter;
  std::vector<float> boosts;  // [num_items], or empty
  bool coarse;                // logits and boosts tie often
};

// The log-probability of an item, token by token from a source that has run nothing.
float LogProbabilityOf(const SearchCase& c, uint32_t seed, int item);

// The `limit` best of the allowed items, by scoring and sorting all.
std::vector<ScoredItem> BestByBruteForce(const SearchCase& c, uint32_t seed, int limit);

void RequireSameItems(const std::vector<ScoredItem>& found,
                      const std::vector<ScoredItem>& expected);

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_SEARCH_SEARCH_CASE_H_
