// Checkpoints, well-formed and hostile: each flaw is an error that names file and field.
#include "compressor/checkpoint/checkpoint.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "compressor/open_model.h"
#include "engine/search/item_trie.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_checkpoint.h"

namespace halfling {
namespace {

using testing::ReplaceInFile;
using testing::TemporaryDirectory;
using testing::TinyModelOptions;
using testing::WriteText;
namespace fs = std::filesystem;

constexpr char kIndex[] = "model.safetensors.index.json";

// Opens a tiny checkpoint after `spoil` changed its files, and expects the error.
void ExpectError(ErrorCode code, const std::string& mentioned,
                 const std::function<void(const fs::path&)>& spoil) {
  const TemporaryDirectory directory;
  testing::WriteTinyCheckpoint(directory.path(), TinyModelOptions());
  REQUIRE(OpenModel(directory.path()).has_value());
  spoil(directory.path());
  const auto opened = OpenModel(directory.path());
  REQUIRE_FALSE(opened.has_value());
  INFO(opened.error().message);
  CHECK(ErrorCodeName(opened.error().code) == ErrorCodeName(code));
  CHECK(opened.error().message.find(mentioned) != std::string::npos);
}

void ExpectRecommenderError(ErrorCode code, const std::string& mentioned, const std::string& from,
                            const std::string& to) {
  CAPTURE(from, to);
  ExpectError(code, mentioned, [&](const fs::path& directory) {
    ReplaceInFile(directory / "recommender.json", from, to);
  });
}

// The same weights as model.safetensors, listed by an index.
void MakeSharded(const fs::path& directory, const std::string& shard_name = "shard-1.safetensors") {
  fs::rename(directory / "model.safetensors", directory / "shard-1.safetensors");
  const auto tensors = MappedFile::Open(directory / "shard-1.safetensors");
  REQUIRE(tensors.has_value());
  const auto file = SafetensorsFile::Parse(tensors->bytes(), "shard-1.safetensors");
  REQUIRE(file.has_value());
  nlohmann::json index = {{"metadata", {{"total_size", 1}}}};
  for (const std::string& name : file->Names()) index["weight_map"][name] = shard_name;
  WriteText(directory / kIndex, index.dump());
}

std::vector<float> AllLogits(const Transformer& model, const std::vector<int>& tokens) {
  KvCache cache(model.config());
  TransformerScratch scratch;
  int parent = kNoParent;
  for (const int token : tokens) parent = cache.Append(token, parent);
  model.Forward(cache, 0, scratch);
  std::vector<int> every_token;
  for (int i = 0; i < model.config().vocab_size; ++i) every_token.push_back(i);
  std::vector<float> logits(every_token.size());
  model.Logits(scratch.hidden.row(tokens.size() - 1), every_token, logits);
  return logits;
}

}  // namespace

TEST_CASE("a checkpoint opens with its configuration, prompt and catalogue") {
  const TemporaryDirectory directory;
  testing::WriteTinyCheckpoint(directory.path(), TinyModelOptions());
  const auto checkpoint = OpenCheckpoint(directory.path());
  REQUIRE(checkpoint.has_value());
  CHECK(checkpoint->config.model_dim == 16);
  CHECK(checkpoint->recommender.prompt.prefix == std::vector<int>{0, 1});
  CHECK(checkpoint->recommender.prompt.max_history == 6);
  CHECK(checkpoint->recommender.catalog.size() == 30);
  CHECK(checkpoint->recommender.catalog.popularity_date() == "2026-05-01");
  CHECK(checkpoint->recommender.catalog.item(3).id == "i3");
  CHECK(checkpoint->recommender.catalog.item(3).title == "Item 3");
  CHECK(checkpoint->recommender.catalog.IndexOf("i29") == 29);
  CHECK_FALSE(checkpoint->recommender.catalog.IndexOf("i30").has_value());
}

TEST_CASE("shards listed by an index give the same model as a single file") {
  const TemporaryDirectory single;
  const TemporaryDirectory sharded;
  for (const auto* directory : {&single, &sharded}) {
    testing::WriteTinyCheckpoint(directory->path(), TinyModelOptions());
  }
  MakeSharded(sharded.path());
  const auto first = OpenModel(single.path());
  const auto second = OpenModel(sharded.path());
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  const std::vector<int> tokens = {0, 1, 7, 9, 3};
  CHECK(AllLogits(first->recommender.model().transformer, tokens) ==
        AllLogits(second->recommender.model().transformer, tokens));
}

TEST_CASE("a sharded checkpoint of transformers gives the logits of transformers") {
  const fs::path directory = "tests/golden/llama-sharded-bf16";
  const auto config = ParseModelConfig(testing::ReadText(directory / "config.json"), "config.json");
  REQUIRE(config.has_value());
  const auto tensors = CheckpointTensors::Open(directory);
  REQUIRE(tensors.has_value());
  auto weights = LoadWeights(*config, *tensors);
  REQUIRE(weights.has_value());
  const auto model = Transformer::Create(*config, *std::move(weights));
  REQUIRE(model.has_value());

  const auto golden = nlohmann::json::parse(testing::ReadText(directory / "golden.json"));
  REQUIRE_FALSE(golden["sequences"].empty());
  for (const auto& sequence : golden["sequences"]) {
    const auto logits = AllLogits(*model, sequence["tokens"].get<std::vector<int>>());
    const auto expected = sequence["logits"].back().get<std::vector<float>>();
    REQUIRE(logits.size() == expected.size());
    for (size_t i = 0; i < logits.size(); ++i) CHECK(std::abs(logits[i] - expected[i]) < 2e-4);
  }
}

TEST_CASE("missing files are named") {
  for (const std::string file : {"config.json", "model.safetensors", "recommender.json"}) {
    ExpectError(ErrorCode::kIo, file,
                [&file](const fs::path& directory) { fs::remove(directory / file); });
  }
  const auto nowhere = OpenModel("/nonexistent/halfling");
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().code == ErrorCode::kIo);
}

TEST_CASE("a recommender.json that lies is refused with the field at fault") {
  using enum ErrorCode;
  ExpectRecommenderError(kUnsupportedVersion, "format", "\"format\": 1", "\"format\": 2");
  ExpectRecommenderError(kMalformedJson, "format", "\"format\": 1", "\"format\": \"1\"");
  ExpectRecommenderError(kMalformedJson, "prompt", "\"prompt\"", "\"prompts\"");
  ExpectRecommenderError(kMalformedJson, "separator", "\"separator\"", "\"divider\"");
  ExpectRecommenderError(kMalformedJson, "max_history", "\"max_history\": 6",
                         "\"max_history\": 6.5");
  ExpectRecommenderError(kInvalidConfig, "max_history", "\"max_history\": 6", "\"max_history\": 0");
  ExpectRecommenderError(kInvalidConfig, "max_history", "\"max_history\": 6",
                         "\"max_history\": 99999999999");
  ExpectRecommenderError(kInvalidConfig, "max_position_embeddings", "\"max_history\": 6",
                         "\"max_history\": 600");
  ExpectRecommenderError(kMalformedJson, "items", "\"items\": [", "\"items\": 3, \"rest\": [");
  ExpectRecommenderError(kMalformedJson, "items[2].id", "\"id\": \"i2\"", "\"id\": 2");
  ExpectRecommenderError(kInvalidCatalog, "items[2].id", "\"id\": \"i2\"", "\"id\": \"i1\"");
  ExpectRecommenderError(kInvalidCatalog, "items[2].id", "\"id\": \"i2\"", "\"id\": \"\"");
  ExpectRecommenderError(kMalformedJson, "items[5].title", "\"Item 5\"", "[5]");
  ExpectRecommenderError(kMalformedJson, "items[0]", "\"tokens\"", "\"codes\"");
  ExpectRecommenderError(kInvalidCatalog, "items[0].tokens", "\"tokens\": [", "\"tokens\": [16,");
  ExpectRecommenderError(kInvalidCatalog, "items[0].tokens", "\"tokens\": [", "\"tokens\": [-1,");
  ExpectRecommenderError(kInvalidCatalog, "items[0].tokens", "\"tokens\": [",
                         "\"tokens\": [], \"were\": [");
  ExpectRecommenderError(kMalformedJson, "popularity", "\"popularity\": ", "\"popularity\": 0.5");
  ExpectRecommenderError(kInvalidCatalog, "popularity", "\"popularity\": ", "\"popularity\": -1");
  for (const std::string date : {"7", "\"yesterday\"", "\"2026-13-01\"", "\"2026-1-011\""}) {
    ExpectRecommenderError(kInvalidCatalog, "popularity_date", "\"2026-05-01\"", date);
  }
}

TEST_CASE("a code that is too long, and an empty catalogue, are refused") {
  ExpectError(ErrorCode::kTooLarge, "items[0].tokens", [](const fs::path& directory) {
    ReplaceInFile(directory / "recommender.json", "\"tokens\": [", "\"tokens\": [4,4,4,4,4,4,4,4,");
  });
  ExpectError(ErrorCode::kEmptyCatalog, "items", [](const fs::path& directory) {
    auto document = nlohmann::json::parse(testing::ReadText(directory / "recommender.json"));
    document["items"] = nlohmann::json::array();
    WriteText(directory / "recommender.json", document.dump());
  });
}

TEST_CASE("truncation anywhere is an error, never a crash") {
  for (const std::string file : {"recommender.json", "config.json", "model.safetensors"}) {
    const TemporaryDirectory directory;
    testing::WriteTinyCheckpoint(directory.path(), TinyModelOptions());
    const std::string whole = testing::ReadText(directory.path() / file);
    for (size_t i = 0; i < 12; ++i) {
      WriteText(directory.path() / file, whole.substr(0, whole.size() * i / 12));
      const auto opened = OpenModel(directory.path());
      REQUIRE_FALSE(opened.has_value());
      CHECK(opened.error().message.find(file) != std::string::npos);
    }
  }
}

TEST_CASE("an index must not lead out of its directory") {
  for (const std::string name : {"../shard-1.safetensors", "/etc/passwd", "sub/shard-1.safetensors",
                                 "..", "sub\\shard-1.safetensors", ".hidden", ""}) {
    CAPTURE(name);
    ExpectError(ErrorCode::kMalformedJson, "weight_map",
                [&name](const fs::path& directory) { MakeSharded(directory, name); });
  }
}

TEST_CASE("an index that lies about its shards is refused") {
  ExpectError(ErrorCode::kIo, "missing.safetensors",
              [](const fs::path& directory) { MakeSharded(directory, "missing.safetensors"); });
  ExpectError(ErrorCode::kMissingTensor, "no.such.tensor", [](const fs::path& directory) {
    MakeSharded(directory);
    ReplaceInFile(directory / kIndex, "\"weight_map\":{",
                  "\"weight_map\":{\"no.such.tensor\":\"shard-1.safetensors\",");
  });
  ExpectError(ErrorCode::kMissingTensor, "model.norm.weight", [](const fs::path& directory) {
    MakeSharded(directory);
    ReplaceInFile(directory / kIndex, ",\"model.norm.weight\":\"shard-1.safetensors\"", "");
  });
  ExpectError(ErrorCode::kMalformedJson, "weight_map", [](const fs::path& directory) {
    MakeSharded(directory);
    WriteText(directory / kIndex, R"({"weight_map": ["shard-1.safetensors"]})");
  });
  ExpectError(ErrorCode::kMalformedJson, "expected a file name", [](const fs::path& directory) {
    MakeSharded(directory);
    WriteText(directory / kIndex, R"({"weight_map": {"model.norm.weight": 1}})");
  });
}

}  // namespace halfling
