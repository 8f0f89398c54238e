#include "engine/search/exact_search.h"

#include <algorithm>
#include <limits>

#include "tests/catch.h"
#include "tests/engine/search/search_case.h"

namespace halfling::testing {
namespace {

SearchResult MustSearch(const SearchCase& c, LogitsSource& source,
                        const ExactSearchOptions& options) {
  const ItemBoosts boosts(c.trie, c.filter, c.boosts);
  auto found = ExactSearch(c.trie, c.filter, boosts, source, options);
  REQUIRE(found);
  return *std::move(found);
}

}  // namespace

TEST_CASE("The exact search finds what scoring every item finds, to the bit") {
  for (uint32_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, random.Chance(70), random.Chance(60));
    const ExactSearchOptions options = {.limit = 1 + random.Below(15),
                                        .first_width = 1 + random.Below(5),
                                        .batch_size = 1 + random.Below(30)};
    HashedLogits source(seed, c.coarse);
    const SearchResult found = MustSearch(c, source, options);
    RequireSameItems(found.items, BestByBruteForce(c, seed, options.limit));
    CHECK(found.exact);
    CHECK(found.nodes_run == source.num_run());
    CHECK((found.batches == 0) == (found.nodes_run == 0));
  }
}

TEST_CASE("The proof runs only what may still win") {
  int saved = 0;
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, false, random.Chance(50));
    const int limit = 1 + random.Below(5);
    HashedLogits source(seed, c.coarse);
    const SearchResult found = MustSearch(c, source, {.limit = limit, .batch_size = 1});

    // Each node whose bound beats the last item of the answer must run; those of the descent may.
    HashedLogits all(seed, c.coarse);
    const SearchResult everything =
        MustSearch(c, all, {.limit = c.trie.num_items(), .first_width = 1000});
    CHECK(found.nodes_run <= everything.nodes_run);
    saved += found.nodes_run < everything.nodes_run;
  }
  CHECK(saved > 150);
}

TEST_CASE("A proof that is given up says so, and the answer is no worse than a beam's") {
  int given_up = 0;
  int wrong = 0;
  for (uint32_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const SearchCase c(random, random.Chance(50), random.Chance(50));
    const int limit = 1 + random.Below(2);
    const int width = limit + random.Below(2);
    const int most = 1 + random.Below(2);
    HashedLogits source(seed, c.coarse);
    const SearchResult found = MustSearch(
        c, source,
        {.limit = limit, .first_width = width, .batch_size = 4, .max_proof_nodes = most});

    const std::vector<ScoredItem> best = BestByBruteForce(c, seed, limit);
    REQUIRE(found.items.size() == best.size());
    HashedLogits again(seed, c.coarse);
    const auto beam =
        BeamSearch(c.trie, c.filter, {c.trie, c.filter, c.boosts}, again, {width, limit});
    REQUIRE(beam);
    bool right = true;
    for (size_t i = 0; i < best.size(); ++i) {
      REQUIRE(c.filter.allows_item(found.items[i].item));
      REQUIRE(found.items[i].log_probability == LogProbabilityOf(c, seed, found.items[i].item));
      REQUIRE(found.items[i].score >= beam->items[i].score);
      right = right && found.items[i].item == best[i].item;
    }
    if (found.exact) REQUIRE(right);
    if (!found.exact) {
      ++given_up;
      CHECK(found.nodes_run >= most);
    }
    wrong += !right;
  }
  CHECK(given_up > 10);
  CHECK(wrong > 2);
}

TEST_CASE("A boost far down is found from the root") {
  // Item 0's branch is all but impossible; its boost makes up for that.
  const std::vector<ItemCode> items = {{{1, 1}, 0}, {{1, 2}, 0}, {{2, 1}, 0}, {{2, 2}, 0}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  class Fixed final : public LogitsSource {
   public:
    void Extend(std::span<const int>, std::span<const int>) override {}
    void Logits(int, std::span<const int> tokens, std::span<float> logits) override {
      for (size_t i = 0; i < tokens.size(); ++i) logits[i] = tokens[i] == 1 ? -20.0f : 20.0f;
    }
  } source;
  const ItemFilter filter(*trie);
  const std::vector<float> boosts = {81.0f, 0.0f, 0.0f, 0.0f};
  const auto found = ExactSearch(*trie, filter, {*trie, filter, boosts}, source, {.limit = 2});
  REQUIRE(found);
  REQUIRE(found->items.size() == 2);
  CHECK(found->items[0].item == 0);
  CHECK(found->items[0].score == Approx(1.0f));
  CHECK(found->items[0].log_probability == Approx(-80.0f));
  CHECK(found->items[1].item == 3);
  CHECK(found->exact);
}

TEST_CASE("Logits that are not finite end the exact search with an error") {
  const std::vector<ItemCode> items = {{{1}, 0}, {{2}, 0}};
  const auto trie = BuildTrie(items, 10);
  REQUIRE(trie);
  class Infinite final : public LogitsSource {
   public:
    void Extend(std::span<const int>, std::span<const int>) override {}
    void Logits(int, std::span<const int>, std::span<float> logits) override {
      logits.back() = std::numeric_limits<float>::infinity();
    }
  } source;
  const auto found = ExactSearch(*trie, ItemFilter(*trie), {}, source, {});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kNonFiniteWeight);
}

}  // namespace halfling::testing
