#include "engine/model/kv_cache.h"

#include "tests/catch.h"

namespace halfling {
namespace {

ModelConfig SmallConfig() {
  ModelConfig config;
  config.num_layers = 2;
  config.num_kv_heads = 3;
  config.head_dim = 4;
  return config;
}

std::vector<int> Branch(const KvCache& cache, int slot) {
  std::vector<int> branch = {99};
  cache.BranchOf(slot, branch);
  return branch;
}

TEST_CASE("A chain of slots is the trunk; what hangs off it is a branch") {
  KvCache cache(SmallConfig());
  CHECK(cache.Append(7, kNoParent) == 0);
  CHECK(cache.Append(8, 0) == 1);
  CHECK(cache.Append(9, 1) == 2);
  CHECK(cache.trunk_length() == 3);
  CHECK(cache.Append(5, 1) == 3);  // beside slot 2
  CHECK(cache.Append(6, 2) == 4);
  CHECK(cache.Append(4, 4) == 5);
  CHECK(cache.trunk_length() == 3);
  CHECK(cache.num_slots() == 6);

  CHECK(cache.position(2) == 2);
  CHECK(cache.position(3) == 2);
  CHECK(cache.position(5) == 4);
  CHECK(cache.parent(5) == 4);
  CHECK(cache.token(5) == 4);
  CHECK(Branch(cache, 2).empty());
  CHECK(Branch(cache, 3) == std::vector<int>{3});
  CHECK(Branch(cache, 5) == std::vector<int>{4, 5});
}

TEST_CASE("A second sequence is a branch that sees nothing of the first") {
  KvCache cache(SmallConfig());
  for (int i = 0; i < 3; ++i) cache.Append(i, i - 1);
  CHECK(cache.Append(7, kNoParent) == 3);
  CHECK(cache.Append(8, 3) == 4);
  CHECK(cache.trunk_length() == 3);
  CHECK(cache.position(3) == 0);
  CHECK(cache.position(4) == 1);
  CHECK(Branch(cache, 4) == std::vector<int>{3, 4});
}

TEST_CASE("After Truncate the trunk grows again") {
  KvCache cache(SmallConfig());
  for (int i = 0; i < 3; ++i) cache.Append(i, i - 1);
  cache.Append(10, 0);
  cache.Truncate(2);
  CHECK(cache.num_slots() == 2);
  CHECK(cache.trunk_length() == 2);
  CHECK(cache.Append(11, 1) == 2);
  CHECK(cache.trunk_length() == 3);
  cache.Truncate(0);
  CHECK(cache.Append(12, kNoParent) == 0);
  CHECK(cache.trunk_length() == 1);
}

TEST_CASE("Each layer and slot has its own keys and values, kept by Append and Truncate") {
  KvCache cache(SmallConfig());
  for (int i = 0; i < 3; ++i) {
    cache.Append(i, i - 1);
    for (int layer = 0; layer < 2; ++layer) {
      REQUIRE(cache.key(layer, i).size() == 12);
      cache.key(layer, i)[11] = static_cast<float>(10 * layer + i);
      cache.value(layer, i)[0] = static_cast<float>(100 + 10 * layer + i);
    }
  }
  cache.Truncate(2);
  cache.Append(9, 1);
  const KvCache& view = cache;
  CHECK(view.key(1, 1)[11] == 11.0f);
  CHECK(view.key(0, 1)[11] == 1.0f);
  CHECK(view.value(1, 0)[0] == 110.0f);
}

}  // namespace
}  // namespace halfling
