#include "engine/search/item_boosts.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

TEST_CASE("The largest boost below a node is that of its allowed items") {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const int num_items = 1 + random.Below(400);  // several words of the filter
    std::vector<ItemCode> items;
    for (std::vector<int>& code : RandomCodes(random, num_items, 2 + random.Below(20), 4)) {
      items.push_back({std::move(code), 0});
    }
    const auto trie = BuildTrie(items, 100);
    REQUIRE(trie);
    ItemFilter filter(*trie);
    if (random.Chance(70)) filter.Exclude(RandomHistory(random, num_items, num_items));
    if (random.Chance(20)) filter.AllowOnly(RandomHistory(random, num_items, 5));
    std::vector<float> boosts(static_cast<size_t>(num_items));
    for (float& boost : boosts) boost = random.Symmetric();

    std::vector<float> expected(static_cast<size_t>(trie->num_nodes()), ItemBoosts::kNothing);
    for (int item = 0; item < num_items; ++item) {
      if (!filter.allows_item(item)) continue;
      const float boost = boosts[static_cast<size_t>(item)];
      for (int node = trie->node_of(item); node >= 0; node = trie->parent(node)) {
        float& max = expected[static_cast<size_t>(node)];
        max = std::max(max, boost);
      }
    }
    const ItemBoosts made(*trie, filter, boosts);
    REQUIRE_FALSE(made.empty());
    REQUIRE(made.max() == expected[0]);
    for (int node = 0; node < trie->num_nodes(); ++node) {
      REQUIRE(made.MaxBelow(node) == expected[static_cast<size_t>(node)]);
    }
    for (int item = 0; item < num_items; ++item) {
      REQUIRE(made.of_item(item) == boosts[static_cast<size_t>(item)]);
    }
    const ItemBoosts none(*trie, filter, {});
    CHECK(none.empty());
    CHECK(none.max() == 0.0f);
    CHECK(none.MaxBelow(0) == 0.0f);
    CHECK(none.of_item(0) == 0.0f);
  }
}

}  // namespace halfling::testing
