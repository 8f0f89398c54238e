#include "compressor/evaluation/compare.h"

#include <cmath>
#include <map>
#include <numeric>

#include "engine/recommender.h"
#include "tests/catch.h"
#include "tests/engine/score_all.h"
#include "tests/engine/tiny_model.h"

namespace halfling {
namespace {

constexpr int kItems = 40;
constexpr size_t kCodeLength = 3;

// Codes of one length: the probabilities of all codes then sum to one, and those of a code's first
// tokens are sums of theirs. Models of every seed have the codes of seed 1.
Recommender MakeModel(uint32_t seed) {
  testing::TinyModelOptions options;
  options.num_items = kItems;
  options.seed = 1;
  ModelFileContents contents = testing::TinyModelContents(options);
  options.seed = seed;
  contents.tensors = testing::TinyModelContents(options).tensors;
  for (std::vector<int>& code : contents.codes) code.resize(kCodeLength, 5);
  auto recommender = Recommender::Load(WriteModelFile(contents));
  if (!recommender) FAIL(recommender.error().message);
  return *std::move(recommender);
}

std::vector<Example> RandomExamples(int count) {
  testing::Random random(3);
  std::vector<Example> examples;
  for (int i = 0; i < count; ++i) {
    examples.push_back({testing::RandomHistory(random, kItems, 8), random.Below(kItems)});
  }
  return examples;
}

TargetRanks MustRank(const Recommender& recommender, const std::vector<Example>& examples,
                     int threads = 1) {
  Progress progress(false);
  auto ranks =
      RankTargets(recommender, examples, {.threads = threads, .code_logits = true}, progress);
  if (!ranks) FAIL(ranks.error().message);
  return *std::move(ranks);
}

// The probability of each beginning of a code, out of the exact scores of all items.
std::map<std::vector<int>, double> BeginningProbabilities(Recommender& recommender,
                                                          const std::vector<int>& history) {
  const std::vector<float> scores = testing::ScoreAll(recommender.model(), history);
  std::map<std::vector<int>, double> of_code;
  for (size_t item = 0; item < scores.size(); ++item) {
    of_code[testing::CodeOf(recommender.model().trie, static_cast<int>(item))] =
        std::exp(static_cast<double>(scores[item]));
  }
  std::map<std::vector<int>, double> of_beginning;
  for (const auto& [code, probability] : of_code) {
    for (size_t length = 0; length <= code.size(); ++length) {
      of_beginning[{code.begin(), code.begin() + static_cast<std::ptrdiff_t>(length)}] +=
          probability;
    }
  }
  return of_beginning;
}

// KL(before || after) along the target's code, from those probabilities alone.
double ReferenceDivergence(Recommender& before, Recommender& after, const Example& example) {
  const auto p = BeginningProbabilities(before, example.history);
  const auto q = BeginningProbabilities(after, example.history);
  const std::vector<int> code = testing::CodeOf(before.model().trie, example.target);
  double divergence = 0;
  for (size_t level = 0; level < kCodeLength; ++level) {
    const std::vector<int> node(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(level));
    for (const auto& [beginning, probability] : p) {
      if (beginning.size() != level + 1 ||
          !std::equal(node.begin(), node.end(), beginning.begin())) {
        continue;
      }
      const double p_child = probability / p.at(node);
      const double q_child = q.at(beginning) / q.at(node);
      divergence += p_child * std::log(p_child / q_child);
    }
  }
  return divergence;
}

}  // namespace

TEST_CASE("KL of two distributions is as calculated by hand") {
  // p = (1/2, 1/2), q = (1/4, 3/4): ln 2 - ln(3)/2.
  const std::vector<float> even = {7.0f, 7.0f};
  const std::vector<float> uneven = {-2.0f, -2.0f + std::log(3.0f)};
  CHECK(Divergence(even, uneven) == Approx(std::log(2.0) - std::log(3.0) / 2).epsilon(1e-6));
  CHECK(Divergence(uneven, even) ==
        Approx(0.25 * std::log(0.5) + 0.75 * std::log(1.5)).epsilon(1e-6));
  CHECK(Divergence(even, even) == 0.0);
  const std::vector<float> single = {3.0f};
  CHECK(Divergence(single, std::vector<float>{-80.0f}) == 0.0);
  // Far beyond what e^x holds.
  const std::vector<float> steep = {1e4f, 0.0f};
  const std::vector<float> flat = {0.0f, 0.0f};
  CHECK(Divergence(steep, flat) == Approx(std::log(2.0)));
  CHECK(Divergence(flat, steep) == Approx(5e3 - std::log(2.0)));
}

TEST_CASE("overlap is the share of the first list that is in the second") {
  CHECK(Overlap(std::vector<int>{1, 2, 3, 4}, std::vector<int>{4, 9, 1, 8}) == 0.5);
  CHECK(Overlap(std::vector<int>{1, 2}, std::vector<int>{}) == 0.0);
  CHECK(Overlap(std::vector<int>{1, 2}, std::vector<int>{5, 2, 1}) == 1.0);
  CHECK(Overlap(std::vector<int>{}, std::vector<int>{1}) == 1.0);
}

TEST_CASE("a comparison is that of all items' exact scores") {
  Recommender before = MakeModel(1);
  Recommender after = MakeModel(2);
  REQUIRE(HaveSameCodes(before.model().trie, after.model().trie));
  const std::vector<Example> examples = RandomExamples(25);
  const TargetRanks ranks_before = MustRank(before, examples);
  const TargetRanks ranks_after = MustRank(after, examples, 3);
  const Comparison comparison = Compare(ranks_before, ranks_after);

  double divergence = 0;
  double overlap = 0;
  for (const Example& example : examples) {
    divergence += ReferenceDivergence(before, after, example);
    RecommendRequest request;
    request.history = example.history;
    const auto list = before.Recommend(request).value();
    const auto other = after.Recommend(request).value();
    for (const ScoredItem& a : list) {
      for (const ScoredItem& b : other) overlap += a.item == b.item ? 0.1 : 0.0;
    }
  }
  const auto users = static_cast<double>(examples.size());
  REQUIRE(comparison.divergence.has_value());
  CHECK(comparison.divergence->mean > 0.1);
  CHECK(comparison.divergence->mean == Approx(divergence / users).epsilon(1e-4));
  CHECK(comparison.divergence->low < comparison.divergence->mean);
  CHECK(comparison.divergence->high > comparison.divergence->mean);
  CHECK(comparison.overlap.mean == Approx(overlap / users));
  CHECK(comparison.overlap.mean < 1.0);
  const Interval change = RelativeChanges(ranks_before.strict, ranks_after.strict)[0].value();
  CHECK(comparison.relative_change[0].value().mean == change.mean);
  CHECK(comparison.relative_change[0].value().low == change.low);
}

TEST_CASE("a model is no way from itself, whatever the threads") {
  const Recommender model = MakeModel(5);
  const std::vector<Example> examples = RandomExamples(20);
  const TargetRanks ranks = MustRank(model, examples);
  const TargetRanks again = MustRank(model, examples, 4);
  CHECK(ranks.strict == again.strict);
  CHECK(ranks.top == again.top);
  CHECK(ranks.code_logits == again.code_logits);
  CHECK(ranks.milliseconds_per_user > 0);
  CHECK(ranks.seconds * 1000 > ranks.milliseconds_per_user);
  const Comparison comparison = Compare(ranks, again);
  REQUIRE(comparison.divergence.has_value());
  CHECK(comparison.divergence->mean == 0.0);
  CHECK(comparison.divergence->high == 0.0);
  CHECK(comparison.overlap.low == 1.0);
  for (const auto& change : comparison.relative_change) CHECK(change.value().high == 0.0);
}

TEST_CASE("without code logits there is no divergence") {
  const Recommender model = MakeModel(5);
  Progress progress(false);
  const auto ranks = RankTargets(model, RandomExamples(5), RankingOptions(), progress);
  REQUIRE(ranks.has_value());
  CHECK(ranks->code_logits.empty());
  CHECK_FALSE(Compare(*ranks, *ranks).divergence.has_value());
}

TEST_CASE("a history of any length is ranked, by its newest items") {
  Recommender model = MakeModel(5);
  // Three items long ago, then two that alternate.
  Example example{{0, 1, 2}, 7};
  for (int i = 0; i < kMaxHistoryItems; ++i) example.history.push_back(3 + i % 2);
  const TargetRanks ranks = MustRank(model, {example});
  CHECK(ranks.code_logits[0] == model.CodeLogits({3, 4, 3, 4, 3, 4}, 7).value());
  CHECK(ranks.top[0].size() == kTopItems);
  for (const int item : ranks.top[0]) CHECK(item > 4);

  Progress progress(false);
  RankingOptions all;
  all.exclude_seen = false;
  all.limit = kItems;
  all.beam_width = 1000;
  for (const int seen : {0, 1, 2, 3, 4}) {
    example.target = seen;
    const auto found = RankTargets(model, {example}, all, progress);
    REQUIRE(found.has_value());
    CHECK(found->strict[0] > 0);
  }
}

TEST_CASE("the first user at fault is named, whatever the threads") {
  const Recommender model = MakeModel(5);
  std::vector<Example> examples = RandomExamples(25);
  for (const size_t user : {7, 4, 20}) examples[user].history = {kItems + static_cast<int>(user)};
  for (const int threads : {1, 4}) {
    Progress progress(false);
    RankingOptions options;
    options.threads = threads;
    const auto ranks = RankTargets(model, examples, options, progress);
    REQUIRE_FALSE(ranks.has_value());
    CHECK(ranks.error().code == ErrorCode::kUnknownItem);
    CHECK(ranks.error().message.find("user 5 of 25: history[0]: item 44") == 0);
  }
}

TEST_CASE("codes are the same by their places in the trie, not by their tokens' numbers") {
  const auto trie = [](const std::vector<std::vector<int>>& codes) {
    return ItemTrie::Build(codes, {}, 20).value();
  };
  const ItemTrie codes = trie({{1, 2}, {1, 3}, {4, 2}});
  CHECK(HaveSameCodes(codes, trie({{5, 7}, {5, 9}, {11, 7}})));
  CHECK_FALSE(HaveSameCodes(codes, trie({{1, 3}, {1, 2}, {4, 2}})));
  CHECK_FALSE(HaveSameCodes(codes, trie({{1, 2}, {4, 3}, {4, 2}})));
  CHECK_FALSE(HaveSameCodes(codes, trie({{1, 2}, {1, 3}, {4}})));
  CHECK_FALSE(HaveSameCodes(codes, trie({{1, 2}, {1, 3}})));
}

TEST_CASE("code logits name what is wrong with a request") {
  Recommender model = MakeModel(1);
  CHECK(model.CodeLogits({}, 1).error().code == ErrorCode::kEmptyHistory);
  CHECK(model.CodeLogits({1}, kItems).error().code == ErrorCode::kUnknownItem);
  CHECK(model.CodeLogits({1}, -1).error().code == ErrorCode::kUnknownItem);
  const auto logits = model.CodeLogits({1, 2}, 7).value();
  REQUIRE(logits.size() == kCodeLength);
  const ItemTrie& trie = model.model().trie;
  CHECK(logits[0].size() == trie.child_tokens(0).size());
  // The session stays as it was for the next request.
  CHECK(model.CodeLogits({1, 2}, 7).value() == logits);
  CHECK(model.stats().reused_tokens > 0);
}

}  // namespace halfling
