#include "tests/compressor/tiny_checkpoint.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "engine/model_file/safetensors.h"

namespace halfling::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string Numbered(const char* letter, int number) { return letter + std::to_string(number); }

Json RecommenderJson(const ModelFileContents& contents) {
  Json items = Json::array();
  for (size_t i = 0; i < contents.codes.size(); ++i) {
    items.push_back({{"id", Numbered("i", static_cast<int>(i))},
                     {"tokens", contents.codes[i]},
                     {"title", "Item " + std::to_string(i)},
                     {"popularity", contents.popularity[i]}});
  }
  return {{"format", 1},
          {"prompt",
           {{"prefix", contents.prompt.prefix},
            {"separator", contents.prompt.separator},
            {"suffix", contents.prompt.suffix}}},
          {"max_history", contents.prompt.max_history},
          {"popularity_date", "2026-05-01"},
          {"items", std::move(items)}};
}

// Nobody repeats an item.
Json RandomInteractions(Random& random, int num_users, int num_items) {
  Json interactions = Json::object();
  std::vector<int> items(static_cast<size_t>(num_items));
  std::iota(items.begin(), items.end(), 0);
  for (int user = 0; user < num_users; ++user) {
    for (int i = num_items - 1; i > 0; --i) {
      std::swap(items[static_cast<size_t>(i)], items[static_cast<size_t>(random.Below(i + 1))]);
    }
    Json history = Json::array();
    const int length = 5 + random.Below(num_items / 2 - 5);
    for (int i = 0; i < length; ++i)
      history.push_back(Numbered("i", items[static_cast<size_t>(i)]));
    interactions[Numbered(user < 10 ? "u0" : "u", user)] = std::move(history);
  }
  return interactions;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (fs::temp_directory_path() / "halfling-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void WriteTinyCheckpoint(const fs::path& directory, const TinyModelOptions& options,
                         int num_users) {
  fs::create_directories(directory);
  const ModelFileContents contents = TinyModelContents(options);
  const std::vector<std::byte> weights = WriteSafetensors(contents.tensors, {{"format", "pt"}});
  WriteText(directory / "model.safetensors",
            {reinterpret_cast<const char*>(weights.data()), weights.size()});
  WriteText(directory / "config.json", contents.config_json);
  WriteText(directory / "recommender.json", RecommenderJson(contents).dump(1));
  Random random(options.seed + 2);
  WriteText(directory / "interactions.json",
            RandomInteractions(random, num_users, options.num_items).dump(1));
}

std::string ReadText(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

void WriteText(const fs::path& path, std::string_view text) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + path.string());
}

void ReplaceInFile(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = ReadText(path);
  const size_t found = text.find(from);
  if (found == std::string::npos) {
    throw std::runtime_error(path.string() + " does not hold " + from);
  }
  WriteText(path, text.replace(found, from.size(), to));
}

}  // namespace halfling::testing
