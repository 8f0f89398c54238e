#include "engine/recommender.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "engine/kernels/implementation.h"
#include "engine/model_file/stored_tensors.h"
#include "tests/catch.h"
#include "tests/engine/score_all.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

Recommender MustLoad(const TinyModelOptions& options) {
  auto recommender = Recommender::Load(TinyModelShards(options));
  if (!recommender) FAIL(recommender.error().message);
  return *std::move(recommender);
}

std::vector<ScoredItem> MustRecommend(Recommender& recommender, const RecommendRequest& request) {
  auto items = recommender.Recommend(request);
  if (!items) FAIL(items.error().message);
  return *std::move(items);
}

Error MustRefuse(Recommender& recommender, const RecommendRequest& request) {
  const auto items = recommender.Recommend(request);
  REQUIRE_FALSE(items);
  return items.error();
}

void RequireSameBits(const std::vector<ScoredItem>& a, const std::vector<ScoredItem>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i);
    REQUIRE(a[i].item == b[i].item);
    REQUIRE(a[i].score == b[i].score);
    REQUIRE(a[i].log_probability == b[i].log_probability);
  }
}

bool IsAllowed(const RecommendRequest& request, int item) {
  const auto contains = [item](const std::vector<int>& items) {
    return std::find(items.begin(), items.end(), item) != items.end();
  };
  return !contains(request.exclude) && (!request.allow || contains(*request.allow)) &&
         !(request.exclude_seen && contains(request.history));
}

// The request's answer by the definition: every item's exact score, sorted.
std::vector<ScoredItem> BruteForce(Recommender& recommender, const RecommendRequest& request,
                                   const std::vector<int>& popularity) {
  const RecommenderModel& model = recommender.model();
  const std::vector<float> scores = ScoreAll(model, request.history);
  std::vector<ScoredItem> items;
  for (int item = 0; item < model.trie.num_items(); ++item) {
    if (!IsAllowed(request, item)) continue;
    const auto i = static_cast<size_t>(item);
    const float boost = request.boosts.empty() ? 0.0f : request.boosts[i];
    items.push_back({item, scores[i] + boost, scores[i]});
  }
  std::sort(items.begin(), items.end(), [&](const ScoredItem& a, const ScoredItem& b) {
    const std::vector<int> code_a = CodeOf(model.trie, a.item);
    const std::vector<int> code_b = CodeOf(model.trie, b.item);
    if (a.score != b.score) return a.score > b.score;
    if (code_a != code_b) {
      return std::pair(code_a.size(), code_a) < std::pair(code_b.size(), code_b);
    }
    const int count_a = popularity[static_cast<size_t>(a.item)];
    const int count_b = popularity[static_cast<size_t>(b.item)];
    return count_a != count_b ? count_a > count_b : a.item < b.item;
  });
  items.resize(std::min(items.size(), static_cast<size_t>(request.limit)));
  return items;
}

RecommendRequest RandomRequest(Random& random, int num_items) {
  RecommendRequest request;
  request.history = RandomHistory(random, num_items, 10);
  request.limit = 1 + random.Below(num_items + 5);
  request.beam_width = 1 + random.Below(20);
  if (random.Chance(50)) request.exclude = RandomHistory(random, num_items, (num_items + 1) / 2);
  if (random.Chance(30)) request.allow = RandomHistory(random, num_items, num_items);
  request.exclude_seen = random.Chance(50);
  request.search = random.Chance(50) ? SearchMethod::kExact : SearchMethod::kBeam;
  if (random.Chance(50)) {
    request.boosts.resize(static_cast<size_t>(num_items));
    for (float& boost : request.boosts) boost = random.Chance(50) ? 2 * random.Symmetric() : 0.0f;
  }
  return request;
}

TinyModelOptions RandomOptions(Random& random, uint32_t seed) {
  constexpr const char* kArchitectures[] = {"LlamaForCausalLM", "MistralForCausalLM",
                                            "Qwen2ForCausalLM", "Qwen3ForCausalLM"};
  TinyModelOptions options;
  options.seed = seed;
  options.architecture = kArchitectures[random.Below(4)];
  options.low_rank = random.Chance(50);
  options.pivoted = random.Chance(30);
  options.storage = static_cast<Storage>(random.Below(4));
  options.tied = random.Chance(50);
  options.dtype = random.Chance(50) ? DType::kF32 : DType::kF16;
  options.num_items = 1 + random.Below(60);
  options.code_tokens = 2 + random.Below(20);
  options.max_code_length = 1 + random.Below(8);
  return options;
}

}  // namespace

TEST_CASE("A beam as wide as the catalogue finds what scoring every item finds, to the bit") {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const TinyModelOptions options = RandomOptions(random, seed);
    const std::vector<int> popularity = TinyModelContents(options).popularity;
    Recommender recommender = MustLoad(options);
    for (int round = 0; round < 4; ++round) {
      RecommendRequest request = RandomRequest(random, options.num_items);
      request.search = SearchMethod::kBeam;
      request.beam_width = options.num_items;
      RequireSameBits(MustRecommend(recommender, request),
                      BruteForce(recommender, request, popularity));
    }
  }
}

TEST_CASE("The exact search finds what scoring every item finds, to the bit") {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TinyModelOptions options = RandomOptions(random, seed);
    options.num_items = 1 + random.Below(150);
    const std::vector<int> popularity = TinyModelContents(options).popularity;
    Recommender recommender = MustLoad(options);
    for (int round = 0; round < 4; ++round) {
      RecommendRequest request = RandomRequest(random, options.num_items);
      request.search = SearchMethod::kExact;
      const std::vector<ScoredItem> found = MustRecommend(recommender, request);
      CHECK(recommender.stats().exact);
      RequireSameBits(found, BruteForce(recommender, request, popularity));
    }
  }
}

TEST_CASE("Items scored together score as they do alone, in any order and number, to the bit") {
  for (uint32_t seed = 1; seed <= 15; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TinyModelOptions options = RandomOptions(random, seed);
    options.num_items = 1 + random.Below(300);  // more than one batch of them
    Recommender recommender = MustLoad(options);
    for (int round = 0; round < 3; ++round) {
      const std::vector<int> history = RandomHistory(random, options.num_items, 8);
      const std::vector<int> items = RandomHistory(random, options.num_items, 400);
      const auto scores = recommender.ScoreItems(history, items);
      REQUIRE(scores);
      REQUIRE(scores->size() == items.size());
      const std::vector<float> all = ScoreAll(recommender.model(), history);
      for (size_t i = 0; i < items.size(); ++i) {
        REQUIRE((*scores)[i] == all[static_cast<size_t>(items[i])]);
      }
    }
    CHECK(recommender.ScoreItems({0}, {}).value().empty());
  }
}

TEST_CASE("Leaving one out scores the item after the other entries of the prompt") {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    TinyModelOptions options = RandomOptions(random, seed);
    options.max_history = 2 + random.Below(6);
    Recommender recommender = MustLoad(options);
    for (int round = 0; round < 5; ++round) {
      std::vector<int> history = RandomHistory(random, options.num_items, 10);
      history.push_back(random.Below(options.num_items));
      const int item = random.Below(options.num_items);
      const auto scores = recommender.LeaveOneOut(history, item);
      REQUIRE(scores);
      REQUIRE(scores->size() == history.size());
      const size_t kept = std::min(history.size(), static_cast<size_t>(options.max_history));
      const std::vector<int> prompt(history.end() - static_cast<std::ptrdiff_t>(kept),
                                    history.end());
      for (size_t i = 0; i < history.size(); ++i) {
        std::vector<int> others = prompt;
        if (i >= history.size() - kept) {
          others.erase(others.begin() + static_cast<std::ptrdiff_t>(i + kept - history.size()));
        }
        const std::vector<float> all = ScoreAll(recommender.model(), others);
        REQUIRE((*scores)[i] == all[static_cast<size_t>(item)]);
      }
    }
  }
}

TEST_CASE("Leaving out the last entry first shares what lies before the gaps") {
  TinyModelOptions options;
  options.max_history = 6;
  Recommender recommender = MustLoad(options);
  const std::vector<int> history = {1, 2, 3, 4, 5, 6};
  REQUIRE(recommender.ScoreItems(history, {7}));
  int reused = recommender.model().trie.num_nodes();
  for (size_t i = history.size(); i-- > 1;) {
    std::vector<int> others = history;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    REQUIRE(recommender.ScoreItems(others, {7}));
    size_t before_gap = 2;  // the prefix
    for (size_t j = 0; j < i; ++j) {
      before_gap += (j > 0) + CodeOf(recommender.model().trie, history[j]).size();
    }
    CHECK(recommender.stats().reused_tokens >= static_cast<int>(before_gap));
    CHECK(recommender.stats().reused_tokens < reused);
    reused = recommender.stats().reused_tokens;
  }
}

TEST_CASE("A request at fault is refused by field, and the session goes on") {
  TinyModelOptions options;
  Recommender recommender = MustLoad(options);
  RecommendRequest good;
  good.history = {1, 2};
  good.boosts.assign(static_cast<size_t>(options.num_items), 0.5f);
  const std::vector<ScoredItem> expected = MustRecommend(recommender, good);

  const auto refused = [&](auto&& spoil, ErrorCode code, const std::string& what) {
    RecommendRequest request = good;
    spoil(request);
    const Error error = MustRefuse(recommender, request);
    CHECK(error.code == code);
    CAPTURE(error.message);
    CHECK(error.message.find(what) != std::string::npos);
    RequireSameBits(MustRecommend(recommender, good), expected);
  };
  using Request = RecommendRequest;
  refused([](Request& r) { r.boosts.pop_back(); }, ErrorCode::kInvalidRequest,
          "boosts: 29 numbers; expected one for each of 30 items");
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY, 1.5e6f}) {
    refused([&](Request& r) { r.boosts[7] = bad; }, ErrorCode::kInvalidRequest, "boosts[7]: ");
  }
  refused([](Request& r) { r.max_proof_nodes = 0; }, ErrorCode::kInvalidRequest,
          "max_proof_nodes: 0; expected 1 to 100000");
  refused([](Request& r) { r.beam_width = 1001; }, ErrorCode::kInvalidRequest, "beam_width: 1001");
  refused([](Request& r) { r.limit = 0; }, ErrorCode::kInvalidRequest, "limit: 0");
  refused([](Request& r) { r.history.clear(); }, ErrorCode::kEmptyHistory, "history");
  refused([](Request& r) { r.exclude = {30}; }, ErrorCode::kUnknownItem, "exclude[0]: item 30");

  CHECK(recommender.ScoreItems({1}, {2, 30}).error().message ==
        "items[1]: item 30; expected an index from 0 to 29");
  CHECK(recommender.ScoreItems({}, {2}).error().code == ErrorCode::kEmptyHistory);
  CHECK(recommender.LeaveOneOut({1}, 2).error().code == ErrorCode::kEmptyHistory);
  CHECK(recommender.LeaveOneOut({1, 2}, -1).error().code == ErrorCode::kUnknownItem);
}

TEST_CASE("Scores are log-probabilities over the catalogue's codes") {
  TinyModelOptions options;
  options.num_items = 40;
  options.max_code_length = 3;
  // Codes of one length: then their probabilities sum to one.
  ModelFileContents contents = TinyModelContents(options);
  for (std::vector<int>& code : contents.codes) code.resize(3, 5);
  auto recommender = Recommender::Load(WriteModelFile(contents));
  REQUIRE(recommender);
  const std::vector<float> scores = ScoreAll(recommender->model(), std::array{1, 2, 3});
  std::set<std::vector<int>> seen;
  double sum = 0;
  for (size_t item = 0; item < scores.size(); ++item) {
    if (seen.insert(contents.codes[item]).second) {
      sum += std::exp(static_cast<double>(scores[item]));
    }
  }
  CHECK(sum == Approx(1.0).epsilon(1e-5));
}

TEST_CASE("A filter changes no probability and costs no result") {
  Random random(7);
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    TinyModelOptions options;
    options.seed = seed;
    options.num_items = 50;
    Recommender recommender = MustLoad(options);
    for (int round = 0; round < 10; ++round) {
      RecommendRequest request = RandomRequest(random, options.num_items);
      const auto items = MustRecommend(recommender, request);
      int allowed = 0;
      for (int item = 0; item < options.num_items; ++item) allowed += IsAllowed(request, item);
      REQUIRE(static_cast<int>(items.size()) == std::min(allowed, request.limit));
      const std::vector<float> scores = ScoreAll(recommender.model(), request.history);
      for (const ScoredItem& item : items) {
        REQUIRE(IsAllowed(request, item.item));
        REQUIRE(item.log_probability == scores[static_cast<size_t>(item.item)]);
      }
    }
  }
}

TEST_CASE("A warm session answers as a fresh one, to the bit") {
  Random random(11);
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    TinyModelOptions options;
    options.seed = seed;
    options.max_history = 8;
    Recommender warm = MustLoad(options);
    RecommendRequest request;
    for (int round = 0; round < 30; ++round) {
      CAPTURE(round);
      // Grow, shrink, edit or replace the history, as a visitor might.
      const int change = random.Below(4);
      if (change == 0 || request.history.empty()) {
        const std::vector<int> history = request.history;
        request = RandomRequest(random, options.num_items);
        if (random.Chance(50) && !history.empty()) request.history = history;
      } else if (change == 1) {
        request.history.push_back(random.Below(options.num_items));
      } else if (change == 2 && request.history.size() > 1) {
        request.history.pop_back();
      } else {
        const int at = random.Below(static_cast<int>(request.history.size()));
        request.history[static_cast<size_t>(at)] = random.Below(options.num_items);
      }
      Recommender fresh = warm.Fork();
      RequireSameBits(MustRecommend(warm, request), MustRecommend(fresh, request));
      CHECK(fresh.stats().reused_tokens == 0);
    }
  }
}

TEST_CASE("Sessions of any number of threads answer as one of one thread, to the bit") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const TinyModelOptions options = RandomOptions(random, seed);
    Recommender alone = MustLoad(options);
    Recommender shared = alone.Fork();
    CHECK(shared.threads() == 1);
    for (int round = 0; round < 20; ++round) {
      shared.UseThreads(round % 5);
      const int threads = std::clamp(round % 5, 1, static_cast<int>(ThreadPool::kMostThreads));
      CHECK(shared.threads() == threads);
      const RecommendRequest request = RandomRequest(random, options.num_items);
      RequireSameBits(MustRecommend(shared, request), MustRecommend(alone, request));
      const std::vector<int> items = RandomHistory(random, options.num_items, 30);
      const auto scores = shared.ScoreItems(request.history, items);
      const auto expected = alone.ScoreItems(request.history, items);
      REQUIRE((scores && expected));
      CHECK(*scores == *expected);
    }
  }
}

TEST_CASE("A longer history reuses the shorter one's prompt") {
  TinyModelOptions options;
  Recommender recommender = MustLoad(options);
  const ItemTrie& trie = recommender.model().trie;
  RecommendRequest request;
  request.history = {1, 2};
  MustRecommend(recommender, request);
  CHECK(recommender.stats().reused_tokens == 0);
  const int prompt_tokens = recommender.stats().prompt_tokens;
  CHECK(recommender.stats().tokens_run() == prompt_tokens + recommender.stats().nodes_run);
  request.history = {1, 2, 3};
  MustRecommend(recommender, request);
  // The prefix (2 tokens), both codes and the separator between them.
  const size_t shorter = 3 + CodeOf(trie, 1).size() + CodeOf(trie, 2).size();
  CHECK(recommender.stats().reused_tokens >= static_cast<int>(shorter));
  const SearchStats& stats = recommender.stats();
  CHECK(stats.prompt_tokens ==
        prompt_tokens + static_cast<int>(1 + CodeOf(trie, 3).size()));
  CHECK(stats.tokens_run() <= stats.nodes_run + stats.prompt_tokens - static_cast<int>(shorter));
}

TEST_CASE("Only the last max_history items count, but all of them are excluded") {
  TinyModelOptions options;
  options.max_history = 3;
  Recommender recommender = MustLoad(options);
  RecommendRequest request;
  request.exclude_seen = false;
  request.limit = options.num_items;
  request.history = {9, 8, 1, 2, 3};
  const auto all = MustRecommend(recommender, request);
  request.history = {1, 2, 3};
  RequireSameBits(all, MustRecommend(recommender, request));
  request.history = {9, 8, 1, 2, 3};
  request.exclude_seen = true;
  for (const ScoredItem& item : MustRecommend(recommender, request)) {
    CHECK(std::count(request.history.begin(), request.history.end(), item.item) == 0);
  }
}

TEST_CASE("Forks share the model and nothing else") {
  TinyModelOptions options;
  Recommender first = MustLoad(options);
  RecommendRequest one;
  one.history = {1, 2, 3};
  RecommendRequest other;
  other.history = {4};
  const auto expected_one = MustRecommend(first, one);
  Recommender second = first.Fork();
  CHECK(&first.model() == &second.model());
  const auto expected_other = MustRecommend(second, other);
  RequireSameBits(MustRecommend(first, one), expected_one);
  RequireSameBits(MustRecommend(second, other), expected_other);
  {
    const Recommender gone = std::move(first);
  }
  RequireSameBits(MustRecommend(second, one), expected_one);
}

TEST_CASE("A narrower limit gives the beginning of the same list") {
  Recommender recommender = MustLoad({});
  RecommendRequest request;
  request.history = {5, 6};
  request.beam_width = 30;
  request.limit = 12;
  const auto twelve = MustRecommend(recommender, request);
  request.limit = 4;
  const auto four = MustRecommend(recommender, request);
  REQUIRE(four.size() == 4);
  RequireSameBits(four, {twelve.begin(), twelve.begin() + 4});
}

TEST_CASE("Nothing allowed is an empty answer, not an error") {
  Recommender recommender = MustLoad({});
  RecommendRequest request;
  request.history = {5};
  request.allow = std::vector<int>{};
  CHECK(MustRecommend(recommender, request).empty());
  request.allow = std::vector<int>{5};
  CHECK(MustRecommend(recommender, request).empty());
  request.exclude_seen = false;
  CHECK(MustRecommend(recommender, request).size() == 1);
}

// The same model with its int8 matrices written out in f32.
ModelFileContents Widened(ModelFileContents contents) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < contents.tensors.size(); ++i) {
    const NamedTensor& tensor = contents.tensors[i];
    if (tensor.dtype != DType::kI8) {
      tensors.push_back(tensor);
      continue;
    }
    const NamedTensor& scale = contents.tensors[++i];  // follows its integers
    Int8Matrix matrix{static_cast<size_t>(tensor.shape[0]),
                      static_cast<size_t>(tensor.shape[1]),
                      {},
                      ToFloats({scale.dtype, scale.shape, scale.data}, scale.name).value()};
    for (const std::byte byte : tensor.data) matrix.values.push_back(static_cast<int8_t>(byte));
    AppendStoredMatrix(tensor.name, ToMatrix(matrix), DType::kF32, tensors);
  }
  contents.tensors = std::move(tensors);
  return contents;
}

double MeanDifference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

TEST_CASE("An int8 model scores as its weights in f32 do, the same in all kernels") {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TinyModelOptions options;
    options.seed = seed;
    options.pivoted = seed % 2 == 0;
    Recommender original = MustLoad(options);
    options.storage = Storage::kInt8;
    Recommender int8 = MustLoad(options);
    auto widened = Recommender::Load(WriteModelFile(Widened(TinyModelContents(options))));
    REQUIRE(widened);
    constexpr std::array kHistory = {1, 2, 3};
    const std::vector<float> scores = ScoreAll(int8.model(), kHistory);
    const double difference = MeanDifference(scores, ScoreAll(widened->model(), kHistory));
    CHECK(difference < 1e-3);  // nats: inputs of 16 bits against 24
    CHECK(difference > 0);     // it is not f32 that ran
    // Weights of 8 bits against 24. In a random model of 16 dimensions that is no small change.
    CHECK(MeanDifference(scores, ScoreAll(original.model(), kHistory)) < 0.3);

    for (const auto* implementation : kernels::AvailableImplementations()) {
      CAPTURE(implementation->name);
      REQUIRE(kernels::UseImplementation(implementation->name));
      Recommender again = MustLoad(options);
      CHECK(ScoreAll(again.model(), kHistory) == scores);
    }
    kernels::UseImplementation(kernels::AvailableImplementations().front()->name);
  }
}

}  // namespace halfling::testing
