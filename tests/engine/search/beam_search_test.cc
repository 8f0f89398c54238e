#include "engine/search/beam_search.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "engine/search/log_softmax.h"
#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

// Logits that depend on the whole path, as a model's do: a hash of path and token. Counts its
// calls, and checks that the search uses only states that exist.
class HashedLogits final : public LogitsSource {
 public:
  // `coarse` logits take few values, so that scores tie often.
  HashedLogits(uint32_t seed, bool coarse) : coarse_(coarse), states_{seed} {}

  void Advance(std::span<const int> parents, std::span<const int> tokens) override {
    REQUIRE(parents.size() == tokens.size());
    std::vector<uint32_t> states;
    for (size_t i = 0; i < tokens.size(); ++i) {
      states.push_back(Mix(states_.at(static_cast<size_t>(parents[i])), tokens[i]));
    }
    states_ = std::move(states);
    widest_ = std::max(widest_, states_.size());
  }

  void Logits(int state, std::span<const int> tokens, std::span<float> logits) override {
    REQUIRE(tokens.size() == logits.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
      const uint32_t hash = Mix(states_.at(static_cast<size_t>(state)), ~tokens[i]);
      logits[i] =
          coarse_ ? static_cast<float>(hash % 2) : static_cast<float>(hash % 100'003) / 10'000.0f;
    }
  }

  size_t widest() const { return widest_; }

 private:
  static uint32_t Mix(uint32_t state, int token) {
    uint32_t hash = (state ^ static_cast<uint32_t>(token)) * 2654435761u;
    hash = (hash ^ hash >> 15) * 2246822519u;
    return hash ^ hash >> 13;
  }

  bool coarse_;
  std::vector<uint32_t> states_;
  size_t widest_ = 1;
};

struct Case {
  std::vector<ItemCode> items;
  ItemTrie trie;
};

Case RandomCase(Random& random) {
  std::vector<ItemCode> items;
  const int num_items = 1 + random.Below(60);
  for (std::vector<int>& code :
       RandomCodes(random, num_items, 2 + random.Below(12), 1 + random.Below(kMaxCodeLength))) {
    items.push_back({std::move(code), random.Below(3)});
  }
  auto trie = ItemTrie::Build(items, 100);
  REQUIRE(trie);
  return {std::move(items), *std::move(trie)};
}

float ScoreOf(const Case& c, LogitsSource& source, int item) {
  std::vector<float> log_p;
  std::vector<float> scratch;
  float score = 0;
  int node = 0;
  const std::vector<int>& code = c.items[static_cast<size_t>(item)].tokens;
  for (size_t depth = 0; depth < code.size(); ++depth) {
    if (depth > 0) {
      const int parent = 0;
      source.Advance({&parent, 1}, {&code[depth - 1], 1});
    }
    REQUIRE(ChildLogProbabilities(c.trie, node, 0, source, log_p, scratch));
    const std::span<const int> children = c.trie.child_tokens(node);
    const auto at = std::find(children.begin(), children.end(), code[depth]) - children.begin();
    score += log_p[static_cast<size_t>(at)];
    node = c.trie.first_child(node) + static_cast<int>(at);
  }
  return score;
}

}  // namespace

TEST_CASE("A beam that holds every code ranks as scoring each item does, to the bit") {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case c = RandomCase(random);
    const int num_items = c.trie.num_items();
    const bool coarse = random.Chance(50);
    ItemFilter filter(c.trie);
    if (random.Chance(70)) filter.Exclude(RandomHistory(random, num_items, num_items));
    if (random.Chance(30)) filter.AllowOnly(RandomHistory(random, num_items, num_items));

    std::vector<ScoredItem> expected;
    for (int item = 0; item < num_items; ++item) {
      HashedLogits source(seed, coarse);
      if (filter.allows_item(item)) expected.push_back({item, ScoreOf(c, source, item)});
    }
    std::sort(expected.begin(), expected.end(), [&](const ScoredItem& a, const ScoredItem& b) {
      const ItemCode& x = c.items[static_cast<size_t>(a.item)];
      const ItemCode& y = c.items[static_cast<size_t>(b.item)];
      if (a.score != b.score) return a.score > b.score;
      if (x.tokens.size() != y.tokens.size()) return x.tokens.size() < y.tokens.size();
      if (x.tokens != y.tokens) return x.tokens < y.tokens;
      return x.popularity != y.popularity ? x.popularity > y.popularity : a.item < b.item;
    });
    const int limit = 1 + random.Below(num_items + 3);
    expected.resize(std::min(expected.size(), static_cast<size_t>(limit)));

    HashedLogits source(seed, coarse);
    const auto found = BeamSearch(c.trie, filter, source, {num_items, limit});
    REQUIRE(found);
    REQUIRE(found->size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      REQUIRE((*found)[i].item == expected[i].item);
      REQUIRE((*found)[i].score == expected[i].score);
    }
  }
}

TEST_CASE("A narrow beam keeps the best partial codes of each level, and never falls short") {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Case c = RandomCase(random);
    const int num_items = c.trie.num_items();
    ItemFilter filter(c.trie);
    if (random.Chance(50)) filter.Exclude(RandomHistory(random, num_items, num_items));
    const int limit = 1 + random.Below(8);
    const int width = 1 + random.Below(12);

    HashedLogits source(seed, false);
    const auto found = BeamSearch(c.trie, filter, source, {width, limit});
    REQUIRE(found);
    CHECK(source.widest() <= static_cast<size_t>(std::max(width, limit)));
    REQUIRE(static_cast<int>(found->size()) == std::min(limit, filter.num_allowed()));
    for (size_t i = 0; i < found->size(); ++i) {
      const ScoredItem& item = (*found)[i];
      REQUIRE(filter.allows_item(item.item));
      HashedLogits fresh(seed, false);
      REQUIRE(item.score == ScoreOf(c, fresh, item.item));
      if (i > 0) REQUIRE(item.score <= (*found)[i - 1].score);
    }
  }
}

TEST_CASE("A greedy choice that a wider beam corrects") {
  // Token 1 leads at first, but its probability then splits in two; token 2 leads to one item.
  const std::vector<ItemCode> items = {{{1, 1}, 0}, {{1, 2}, 0}, {{2, 1}, 0}};
  const auto trie = ItemTrie::Build(items, 10);
  REQUIRE(trie);
  class Fixed final : public LogitsSource {
   public:
    void Advance(std::span<const int>, std::span<const int>) override { at_root_ = false; }
    void Logits(int, std::span<const int> tokens, std::span<float> logits) override {
      for (size_t i = 0; i < tokens.size(); ++i) {
        logits[i] = at_root_ && tokens[i] == 1 ? 0.5f : 0.0f;
      }
    }

   private:
    bool at_root_ = true;
  };
  const ItemFilter filter(*trie);
  Fixed narrow;
  CHECK(BeamSearch(*trie, filter, narrow, {1, 1})->front().item == 0);
  Fixed wide;
  CHECK(BeamSearch(*trie, filter, wide, {2, 1})->front().item == 2);
}

TEST_CASE("No allowed item: nothing is asked of the source") {
  const std::vector<ItemCode> items = {{{1}, 0}, {{2}, 0}};
  const auto trie = ItemTrie::Build(items, 10);
  REQUIRE(trie);
  ItemFilter filter(*trie);
  filter.AllowOnly({});
  class Untouchable final : public LogitsSource {
   public:
    void Advance(std::span<const int>, std::span<const int>) override { FAIL("advanced"); }
    void Logits(int, std::span<const int>, std::span<float>) override { FAIL("asked"); }
  } source;
  const auto found = BeamSearch(*trie, filter, source, {5, 5});
  REQUIRE(found);
  CHECK(found->empty());
}

TEST_CASE("Logits that are not finite are an error, not an order") {
  const std::vector<ItemCode> items = {{{1}, 0}, {{2}, 0}};
  const auto trie = ItemTrie::Build(items, 10);
  REQUIRE(trie);
  class NotANumber final : public LogitsSource {
   public:
    void Advance(std::span<const int>, std::span<const int>) override {}
    void Logits(int, std::span<const int>, std::span<float> logits) override {
      logits.back() = std::numeric_limits<float>::quiet_NaN();
    }
  } source;
  const auto found = BeamSearch(*trie, ItemFilter(*trie), source, {5, 5});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kNonFiniteWeight);
}

}  // namespace halfling::testing
