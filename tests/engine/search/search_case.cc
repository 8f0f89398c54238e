#include "tests/engine/search/search_case.h"

#include <algorithm>
#include <utility>

#include "tests/catch.h"

namespace halfling::testing {
namespace {

uint32_t Mix(uint32_t state, int token) {
  uint32_t hash = (state ^ static_cast<uint32_t>(token)) * 2654435761u;
  hash = (hash ^ hash >> 15) * 2246822519u;
  return hash ^ hash >> 13;
}

std::vector<ItemCode> RandomItems(Random& random) {
  std::vector<ItemCode> items;
  const int num_items = 1 + random.Below(90);
  for (std::vector<int>& code :
       RandomCodes(random, num_items, 2 + random.Below(12), 1 + random.Below(kMaxCodeLength))) {
    items.push_back({std::move(code), random.Below(3)});
  }
  return items;
}

ItemTrie MustBuild(const std::vector<ItemCode>& items) {
  auto trie = BuildTrie(items, 100);
  REQUIRE(trie);
  return *std::move(trie);
}

}  // namespace

void HashedLogits::Extend(std::span<const int> parents, std::span<const int> tokens) {
  REQUIRE(parents.size() == tokens.size());
  REQUIRE(!tokens.empty());
  first_of_last_ = states_.size();
  for (size_t i = 0; i < tokens.size(); ++i) {
    states_.push_back(Mix(states_.at(static_cast<size_t>(parents[i])), tokens[i]));
  }
  widest_ = std::max(widest_, tokens.size());
}

void HashedLogits::Logits(int state, std::span<const int> tokens, std::span<float> logits) {
  REQUIRE(tokens.size() == logits.size());
  REQUIRE((state == 0 || static_cast<size_t>(state) >= first_of_last_));
  for (size_t i = 0; i < tokens.size(); ++i) {
    const uint32_t hash = Mix(states_.at(static_cast<size_t>(state)), ~tokens[i]);
    logits[i] =
        coarse_ ? static_cast<float>(hash % 2) : static_cast<float>(hash % 100'003) / 10'000.0f;
  }
}

SearchCase::SearchCase(Random& random, bool filtered, bool boosted)
    : items(RandomItems(random)), trie(MustBuild(items)), filter(trie), coarse(random.Chance(50)) {
  const int num_items = trie.num_items();
  if (filtered) {
    if (random.Chance(70)) filter.Exclude(RandomHistory(random, num_items, num_items));
    if (random.Chance(30)) filter.AllowOnly(RandomHistory(random, num_items, num_items));
  }
  if (boosted) {
    const int share = 1 + random.Below(100);
    const float size = static_cast<float>(1 + random.Below(8));
    boosts.resize(static_cast<size_t>(num_items));
    for (float& boost : boosts) {
      if (!random.Chance(share)) continue;
      boost = coarse ? static_cast<float>(random.Below(3) - 1) : size * random.Symmetric();
    }
  }
}

float LogProbabilityOf(const SearchCase& c, uint32_t seed, int item) {
  HashedLogits source(seed, c.coarse);
  std::vector<float> log_p;
  std::vector<float> scratch;
  float score = 0;
  int node = 0;
  const std::vector<int>& code = c.items[static_cast<size_t>(item)].tokens;
  for (int depth = 0; depth < static_cast<int>(code.size()); ++depth) {
    const int token = code[static_cast<size_t>(depth)];
    REQUIRE(ChildLogProbabilities(c.trie, node, depth, source, log_p, scratch));
    const std::span<const int> children = c.trie.child_tokens(node);
    const auto at = std::find(children.begin(), children.end(), token) - children.begin();
    score += log_p[static_cast<size_t>(at)];
    node = c.trie.first_child(node) + static_cast<int>(at);
    source.Extend({&depth, 1}, {&token, 1});
  }
  return score;
}

std::vector<ScoredItem> BestByBruteForce(const SearchCase& c, uint32_t seed, int limit) {
  std::vector<ScoredItem> best;
  for (int item = 0; item < c.trie.num_items(); ++item) {
    if (!c.filter.allows_item(item)) continue;
    const float log_probability = LogProbabilityOf(c, seed, item);
    const float boost = c.boosts.empty() ? 0.0f : c.boosts[static_cast<size_t>(item)];
    best.push_back({item, log_probability + boost, log_probability});
  }
  std::sort(best.begin(), best.end(), [&](const ScoredItem& a, const ScoredItem& b) {
    const ItemCode& x = c.items[static_cast<size_t>(a.item)];
    const ItemCode& y = c.items[static_cast<size_t>(b.item)];
    if (a.score != b.score) return a.score > b.score;
    if (x.tokens.size() != y.tokens.size()) return x.tokens.size() < y.tokens.size();
    if (x.tokens != y.tokens) return x.tokens < y.tokens;
    return x.popularity != y.popularity ? x.popularity > y.popularity : a.item < b.item;
  });
  best.resize(std::min(best.size(), static_cast<size_t>(limit)));
  return best;
}

void RequireSameItems(const std::vector<ScoredItem>& found,
                      const std::vector<ScoredItem>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    REQUIRE(found[i].item == expected[i].item);
    REQUIRE(found[i].score == expected[i].score);
    REQUIRE(found[i].log_probability == expected[i].log_probability);
  }
}

}  // namespace halfling::testing
