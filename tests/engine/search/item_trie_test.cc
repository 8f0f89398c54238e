#include "engine/search/item_trie.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

std::vector<ItemCode> RandomItemCodes(Random& random) {
  const int num_items = 1 + random.Below(80);
  std::vector<ItemCode> items;
  for (std::vector<int>& code :
       RandomCodes(random, num_items, 2 + random.Below(15), 1 + random.Below(kMaxCodeLength))) {
    items.push_back({std::move(code), random.Below(4)});
  }
  return items;
}

std::vector<int> PathTo(const ItemTrie& trie, int node) {
  std::vector<int> path;
  for (; node > 0; node = trie.parent(node)) path.insert(path.begin(), trie.token(node));
  return path;
}

Error MustRefuse(const std::vector<ItemCode>& items) {
  const auto trie = BuildTrie(items, 10);
  REQUIRE_FALSE(trie);
  return trie.error();
}

}  // namespace

TEST_CASE("The trie holds each code's prefixes once, as a map of them would") {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::vector<ItemCode> items = RandomItemCodes(random);
    const auto trie = BuildTrie(items, 100);
    REQUIRE(trie);

    // The reference: prefix -> the tokens that follow it, and the items that end with it.
    std::map<std::vector<int>, std::set<int>> follow;
    std::map<std::vector<int>, std::vector<int>> end;
    for (size_t item = 0; item < items.size(); ++item) {
      std::vector<int> prefix;
      for (const int token : items[item].tokens) {
        follow[prefix].insert(token);
        prefix.push_back(token);
        follow[prefix];
      }
      end[prefix].push_back(static_cast<int>(item));
    }

    for (size_t item = 0; item < items.size(); ++item) {
      std::vector<int> code = {-1};
      trie->AppendCode(static_cast<int>(item), code);
      code.erase(code.begin());
      REQUIRE(code == items[item].tokens);
    }
    REQUIRE(trie->num_items() == static_cast<int>(items.size()));
    REQUIRE(trie->num_nodes() == static_cast<int>(follow.size()));
    for (int node = 0; node < trie->num_nodes(); ++node) {
      const std::vector<int> path = PathTo(*trie, node);
      REQUIRE(follow.count(path) == 1);
      const std::span<const int> tokens = trie->child_tokens(node);
      const std::set<int>& expected = follow[path];
      REQUIRE(std::vector<int>(tokens.begin(), tokens.end()) ==
              std::vector<int>(expected.begin(), expected.end()));
      for (int child = trie->first_child(node); child < trie->last_child(node); ++child) {
        REQUIRE(trie->parent(child) == node);
        REQUIRE(child > node);
      }
      std::vector<int> ending = end[path];
      std::stable_sort(ending.begin(), ending.end(), [&](int a, int b) {
        return items[static_cast<size_t>(a)].popularity > items[static_cast<size_t>(b)].popularity;
      });
      const std::span<const int> at_node = trie->items(node);
      REQUIRE(std::vector<int>(at_node.begin(), at_node.end()) == ending);
      for (const int item : ending) REQUIRE(trie->node_of(item) == node);
    }
  }
}

TEST_CASE("Items of one code: most popular first, then by index") {
  const std::vector<ItemCode> items = {{{1, 2}, 3}, {{1, 2}, 9}, {{1}, 1}, {{1, 2}, 3}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  const std::span<const int> ending = trie->items(trie->node_of(0));
  CHECK(std::vector<int>(ending.begin(), ending.end()) == std::vector<int>{1, 0, 3});
  CHECK(trie->parent(trie->node_of(0)) == trie->node_of(2));
}

TEST_CASE("A catalogue that cannot be is refused by item") {
  CHECK(MustRefuse({}).code == ErrorCode::kEmptyCatalog);
  const std::vector<std::vector<int>> codes = {
      {}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {-1}, {10}, {1, 2, 2147483647}};
  for (const std::vector<int>& code : codes) {
    const Error error = MustRefuse({{{1}, 0}, {code, 0}});
    CHECK(error.code == ErrorCode::kInvalidCatalog);
    CHECK(error.message.find("item 1") != std::string::npos);
  }
}

}  // namespace halfling::testing
