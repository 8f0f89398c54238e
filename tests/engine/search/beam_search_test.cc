#include "engine/search/beam_search.h"

#include <algorithm>
#include <limits>

#include "tests/catch.h"
#include "tests/engine/search/search_case.h"

namespace halfling::testing {
namespace {

SearchResult MustSearch(const SearchCase& c, LogitsSource& source,
                        const BeamSearchOptions& options) {
  const ItemBoosts boosts(c.trie, c.filter, c.boosts);
  auto found = BeamSearch(c.trie, c.filter, boosts, source, options);
  REQUIRE(found);
  return *std::move(found);
}

}  // namespace

TEST_CASE("A beam that holds every code ranks as scoring each item does, to the bit") {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, true, random.Chance(50));
    const int limit = 1 + random.Below(c.trie.num_items() + 3);
    HashedLogits source(seed, c.coarse);
    const SearchResult found = MustSearch(c, source, {c.trie.num_items(), limit});
    RequireSameItems(found.items, BestByBruteForce(c, seed, limit));
    CHECK(found.exact);
    CHECK(found.nodes_run == source.num_run());
  }
}

TEST_CASE("A narrow beam keeps the best partial codes of each level, and never falls short") {
  int proven = 0;
  int wrong = 0;
  for (uint32_t seed = 1; seed <= 600; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, random.Chance(50), random.Chance(50));
    const int limit = 1 + random.Below(random.Chance(50) ? 2 : 8);
    const int width = 1 + random.Below(random.Chance(50) ? 2 : 12);

    HashedLogits source(seed, c.coarse);
    const SearchResult found = MustSearch(c, source, {width, limit});
    // Where a code goes on in one way only, its state is run later, with what follows.
    CHECK(source.widest() <= static_cast<size_t>(std::max(width, limit)) * kMaxCodeLength);
    REQUIRE(static_cast<int>(found.items.size()) == std::min(limit, c.filter.num_allowed()));
    for (size_t i = 0; i < found.items.size(); ++i) {
      const ScoredItem& item = found.items[i];
      REQUIRE(c.filter.allows_item(item.item));
      REQUIRE(item.log_probability == LogProbabilityOf(c, seed, item.item));
      if (i > 0) REQUIRE(item.score <= found.items[i - 1].score);
    }
    const std::vector<ScoredItem> best = BestByBruteForce(c, seed, limit);
    const bool right =
        std::equal(best.begin(), best.end(), found.items.begin(), found.items.end(),
                   [](const ScoredItem& a, const ScoredItem& b) { return a.item == b.item; });
    if (found.exact) REQUIRE(right);
    proven += found.exact;
    wrong += !right;
  }
  CHECK(proven > 20);
  CHECK(wrong > 20);
}

TEST_CASE("A greedy choice that a wider beam corrects") {
  // Token 1 leads at first, but its probability then splits in two; token 2 leads to one item.
  const std::vector<ItemCode> items = {{{1, 1}, 0}, {{1, 2}, 0}, {{2, 1}, 0}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  class Fixed final : public LogitsSource {
   public:
    void Extend(std::span<const int>, std::span<const int>) override {}
    void Logits(int state, std::span<const int> tokens, std::span<float> logits) override {
      for (size_t i = 0; i < tokens.size(); ++i) {
        logits[i] = state == 0 && tokens[i] == 1 ? 0.5f : 0.0f;
      }
    }
  };
  const ItemFilter filter(*trie);
  Fixed source;
  const auto narrow = BeamSearch(*trie, filter, {}, source, {1, 1});
  CHECK(narrow->items.front().item == 0);
  CHECK_FALSE(narrow->exact);
  CHECK(BeamSearch(*trie, filter, {}, source, {2, 1})->items.front().item == 2);
  // Or a boost, which the beam sees from afar.
  const std::vector<float> boosts = {0.0f, 0.0f, 0.6f};
  CHECK(BeamSearch(*trie, filter, {*trie, filter, boosts}, source, {1, 1})->items.front().item ==
        2);
}

TEST_CASE("No allowed item: nothing is asked of the source") {
  const std::vector<ItemCode> items = {{{1}, 0}, {{2}, 0}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  ItemFilter filter(*trie);
  filter.AllowOnly({});
  class Untouchable final : public LogitsSource {
   public:
    void Extend(std::span<const int>, std::span<const int>) override { FAIL("extended"); }
    void Logits(int, std::span<const int>, std::span<float>) override { FAIL("asked"); }
  } source;
  const std::vector<float> boosts = {1.0f, 2.0f};
  const auto found = BeamSearch(*trie, filter, {*trie, filter, boosts}, source, {5, 5});
  REQUIRE(found);
  CHECK(found->items.empty());
  CHECK(found->exact);
}

TEST_CASE("Logits that are not finite are an error, not an order") {
  const std::vector<ItemCode> items = {{{1}, 0}, {{2}, 0}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  class NotANumber final : public LogitsSource {
   public:
    void Extend(std::span<const int>, std::span<const int>) override {}
    void Logits(int, std::span<const int>, std::span<float> logits) override {
      logits.back() = std::numeric_limits<float>::quiet_NaN();
    }
  } source;
  const auto found = BeamSearch(*trie, ItemFilter(*trie), {}, source, {5, 5});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kNonFiniteWeight);
}

}  // namespace halfling::testing
