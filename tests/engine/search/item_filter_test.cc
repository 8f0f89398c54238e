#include "engine/search/item_filter.h"

#include <set>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

TEST_CASE("A node is allowed exactly when an allowed item lies at or below it") {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int num_items = 1 + random.Below(60);
    std::vector<ItemCode> items;
    for (std::vector<int>& code : RandomCodes(random, num_items, 8, 5)) {
      items.push_back({std::move(code), 0});
    }
    const auto trie = BuildTrie(items, 100);
    REQUIRE(trie);

    ItemFilter filter(*trie);
    std::set<int> allowed;
    for (int item = 0; item < num_items; ++item) allowed.insert(item);
    for (int step = 0; step < 4; ++step) {
      const std::vector<int> listed = RandomHistory(random, num_items, num_items);
      if (random.Chance(30)) {
        filter.AllowOnly(listed);
        std::set<int> both;
        for (const int item : listed) {
          if (allowed.count(item) == 1) both.insert(item);
        }
        allowed = both;
      } else {
        filter.Exclude(listed);
        for (const int item : listed) allowed.erase(item);
      }

      std::set<int> nodes;  // on the path to an allowed item
      for (const int item : allowed) {
        for (int node = trie->node_of(item); node >= 0; node = trie->parent(node)) {
          nodes.insert(node);
        }
      }
      REQUIRE(filter.num_allowed() == static_cast<int>(allowed.size()));
      for (int item = 0; item < num_items; ++item) {
        REQUIRE(filter.allows_item(item) == (allowed.count(item) == 1));
      }
      for (int node = 0; node < trie->num_nodes(); ++node) {
        REQUIRE(filter.allows_node(node) == (nodes.count(node) == 1));
      }
    }
  }
}

}  // namespace halfling::testing
