#include "engine/search/score_items.h"

#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tests/engine/search/search_case.h"

namespace halfling::testing {

TEST_CASE("Items scored together score as each alone, and common beginnings run once") {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, false, false);
    std::vector<int> items;  // may repeat
    for (int i = random.Below(30); i > 0; --i) items.push_back(random.Below(c.trie.num_items()));
    HashedLogits source(seed, c.coarse);
    const auto scores = ScoreItems(c.trie, items, source);
    REQUIRE(scores);
    REQUIRE(scores->size() == items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      REQUIRE((*scores)[i] == LogProbabilityOf(c, seed, items[i]));
    }

    // Beyond the root, each node on the way to a choice between children is run, and run once.
    std::set<int> needed;
    for (const int item : items) {
      bool chosen_below = false;
      for (int node = c.trie.node_of(item); node > 0; node = c.trie.parent(node)) {
        if (chosen_below) needed.insert(node);
        const int parent = c.trie.parent(node);
        chosen_below |= c.trie.last_child(parent) - c.trie.first_child(parent) > 1;
      }
    }
    CHECK(source.num_run() == static_cast<int>(needed.size()));
  }
}

}  // namespace halfling::testing
