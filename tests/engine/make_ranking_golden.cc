// Writes tests/golden/ranking/: tiny models and what the engine answers on them, score bits
// included. Native and wasm builds are both held to these files (ranking_golden_test.cc, and the
// bindings' test in Node), so that they agree with each other.
//
// usage: make_ranking_golden OUTPUT_FOLDER
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/recommender.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

using Json = nlohmann::ordered_json;

Json Answer(Recommender& recommender, const RecommendRequest& request) {
  const auto ranked = recommender.Recommend(request);
  if (!ranked) return {{"error", ranked.error().message}};
  Json items = Json::array();
  Json score_bits = Json::array();
  for (const ScoredItem& scored : *ranked) {
    items.push_back(scored.item);
    score_bits.push_back(std::bit_cast<uint32_t>(scored.score));
  }
  return {{"history", request.history},
          {"limit", request.limit},
          {"beam_width", request.beam_width},
          {"exclude", request.exclude},
          {"allow", request.allow ? Json(*request.allow) : Json(nullptr)},
          {"exclude_seen", request.exclude_seen},
          {"items", items},
          {"score_bits", score_bits},
          {"reused_tokens", recommender.stats().reused_tokens}};
}

bool WriteModel(const std::filesystem::path& folder, const TinyModelOptions& options) {
  std::filesystem::create_directories(folder);
  for (const FileBytes& shard : TinyModelShards(options)) {
    std::ofstream file(folder / shard.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(shard.bytes.data()),
               static_cast<std::streamsize>(shard.bytes.size()));
    if (!file) return false;
  }
  auto recommender = Recommender::Load(TinyModelShards(options));
  if (!recommender) {
    std::cerr << recommender.error().message << '\n';
    return false;
  }
  // One session, so that later answers lean on a warm cache.
  Json answers = Json::array();
  Random random(options.seed);
  RecommendRequest request;
  for (int round = 0; round < 12; ++round) {
    if (round % 3 == 0) request.history = RandomHistory(random, options.num_items, 5);
    request.history.push_back(random.Below(options.num_items));
    request.limit = 1 + random.Below(15);
    request.search = SearchMethod::kBeam;
    request.beam_width = 1 + random.Below(20);
    request.exclude = RandomHistory(random, options.num_items, 4);
    request.allow.reset();
    if (random.Chance(25)) request.allow = RandomHistory(random, options.num_items, 20);
    request.exclude_seen = random.Chance(70);
    answers.push_back(Answer(*recommender, request));
  }
  std::ofstream file(folder / "ranking.json");
  file << "[\n";
  for (size_t i = 0; i < answers.size(); ++i) {
    file << answers[i].dump() << (i + 1 < answers.size() ? ",\n" : "\n]\n");
  }
  return static_cast<bool>(file);
}

int Main(const std::filesystem::path& output) {
  TinyModelOptions dense;
  dense.architecture = "Qwen3ForCausalLM";
  dense.dtype = DType::kBF16;
  dense.tied = false;
  dense.num_items = 60;
  TinyModelOptions low_rank;
  low_rank.seed = 2;
  low_rank.low_rank = true;
  low_rank.dtype = DType::kF16;
  low_rank.num_items = 60;
  TinyModelOptions quantized;
  quantized.seed = 3;
  quantized.pivoted = true;
  quantized.storage = Storage::kMixed;
  quantized.num_items = 60;
  const bool written = WriteModel(output / "dense", dense) &&
                       WriteModel(output / "low-rank", low_rank) &&
                       WriteModel(output / "quantized", quantized);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace halfling::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_ranking_golden OUTPUT_FOLDER\n";
    return 2;
  }
  return halfling::testing::Main(argv[1]);
}
