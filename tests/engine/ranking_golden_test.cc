// Every build is held to the same answers, to the bit. make_ranking_golden.cc wrote the files.
#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/recommender.h"
#include "tests/catch.h"
#include "tests/test_data.h"

namespace halfling::testing {
namespace {

constexpr const char* kShard = "model-00001-of-00001.safetensors";

Recommender LoadGolden(const std::string& folder) {
  const std::string text = ReadTestData(folder + "/" + kShard);
  const auto bytes = std::as_bytes(std::span(text));
  auto recommender = Recommender::Load({{kShard, {bytes.begin(), bytes.end()}}});
  if (!recommender) FAIL(recommender.error().message);
  return *std::move(recommender);
}

}  // namespace

TEST_CASE("This build gives the committed rankings, to the bit") {
  for (const std::string folder :
       {"golden/ranking/dense", "golden/ranking/low-rank", "golden/ranking/quantized"}) {
    CAPTURE(folder);
    Recommender recommender = LoadGolden(folder);
    const auto answers = nlohmann::json::parse(ReadTestData(folder + "/ranking.json"));
    REQUIRE(answers.size() == 12);
    for (const nlohmann::json& answer : answers) {
      RecommendRequest request;
      request.history = answer["history"].get<std::vector<int>>();
      request.limit = answer["limit"].get<int>();
      request.search = SearchMethod::kBeam;
      request.beam_width = answer["beam_width"].get<int>();
      request.exclude = answer["exclude"].get<std::vector<int>>();
      if (!answer["allow"].is_null()) request.allow = answer["allow"].get<std::vector<int>>();
      request.exclude_seen = answer["exclude_seen"].get<bool>();
      const auto ranked = recommender.Recommend(request);
      REQUIRE(ranked);
      std::vector<int> items;
      std::vector<uint32_t> score_bits;
      for (const ScoredItem& scored : *ranked) {
        items.push_back(scored.item);
        score_bits.push_back(std::bit_cast<uint32_t>(scored.score));
      }
      CHECK(items == answer["items"].get<std::vector<int>>());
      CHECK(score_bits == answer["score_bits"].get<std::vector<uint32_t>>());
      CHECK(recommender.stats().reused_tokens == answer["reused_tokens"].get<int>());
    }
  }
}

}  // namespace halfling::testing
