#include "engine/model_file/model_file.h"

#include <algorithm>
#include <utility>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

TEST_CASE("What is written reads back whole") {
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TinyModelOptions options;
    options.seed = seed;
    options.dtype = seed % 2 == 0 ? DType::kF16 : DType::kF32;
    const ModelFileContents contents = TinyModelContents(options);
    const auto file = ModelFile::Read(WriteModelFile(contents));
    if (!file) FAIL(file.error().message);
    CHECK(file->config_json() == contents.config_json);
    CHECK(file->prompt().prefix == contents.prompt.prefix);
    CHECK(file->prompt().separator == contents.prompt.separator);
    CHECK(file->prompt().suffix == contents.prompt.suffix);
    CHECK(file->prompt().max_history == contents.prompt.max_history);
    CHECK(file->codes() == contents.codes);
    CHECK(file->popularity() == contents.popularity);
    CHECK(file->vocabulary_ids() == contents.vocabulary_ids);
    CHECK(file->Names().size() == contents.tensors.size() + 3);
    for (const NamedTensor& tensor : contents.tensors) {
      const auto view = file->Find(tensor.name);
      REQUIRE(view);
      CHECK(view->dtype == tensor.dtype);
      CHECK(view->shape == tensor.shape);
      CHECK(
          std::equal(view->data.begin(), view->data.end(), tensor.data.begin(), tensor.data.end()));
    }
  }
}

TEST_CASE("The catalogue takes two bytes a number where they suffice, else four") {
  ModelFileContents contents = TinyModelContents({});
  for (const int count : {32767, 32768}) {
    contents.popularity.front() = count;
    const auto file = ModelFile::Read(WriteModelFile(contents));
    if (!file) FAIL(file.error().message);
    CHECK(file->Find(kCodesTensor)->dtype == DType::kI16);
    CHECK(file->Find(kPopularityTensor)->dtype == (count == 32767 ? DType::kI16 : DType::kI32));
    CHECK(file->popularity() == contents.popularity);
  }
}

TEST_CASE("The same contents give the same bytes") {
  const auto first = TinyModelShards({});
  const auto second = TinyModelShards({});
  REQUIRE(first.size() == second.size());
  for (size_t i = 0; i < first.size(); ++i) CHECK(first[i].bytes == second[i].bytes);
}

TEST_CASE("Shards hold at most 8 MiB, except for one larger tensor alone, and come in any order") {
  ModelFileContents contents = TinyModelContents({});
  const auto add = [&](const std::string& name, size_t bytes) {
    contents.tensors.push_back({name, DType::kF16, {static_cast<int64_t>(bytes / 2)}, {}});
    contents.tensors.back().data.assign(bytes, static_cast<std::byte>(name.size()));
  };
  add("three", 3 << 20);
  add("five less its header", (5 << 20) - (64 << 10));
  add("eight", 8 << 20);
  add("small", 64);
  add("seven", 7 << 20);
  auto shards = WriteModelFile(contents);
  REQUIRE(shards.size() == 3);
  CHECK(shards[0].name == "model-00001-of-00003.safetensors");
  CHECK(shards[2].name == "model-00003-of-00003.safetensors");
  for (size_t i = 0; i < shards.size(); ++i) {
    if (i != 1) CHECK(shards[i].bytes.size() <= kMaxShardBytes);
  }
  const auto alone = SafetensorsFile::Parse(shards[1].bytes, shards[1].name);
  REQUIRE(alone);
  CHECK(alone->Names() == std::vector<std::string>{"eight"});

  std::reverse(shards.begin(), shards.end());
  auto file = ModelFile::Read(std::move(shards));
  REQUIRE(file);
  const ModelFile moved = *std::move(file);  // the views must survive a move
  CHECK(moved.codes() == contents.codes);
  for (const NamedTensor& tensor : contents.tensors) {
    const auto view = moved.Find(tensor.name);
    REQUIRE(view);
    CHECK(std::equal(view->data.begin(), view->data.end(), tensor.data.begin(), tensor.data.end()));
  }
}

}  // namespace halfling::testing
