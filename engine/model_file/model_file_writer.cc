// The writing half of engine/model_file/model_file.h.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/model_file/model_file.h"

namespace halfling {
namespace {

NamedTensor IntegerTensor(std::string_view name, Shape shape, std::span<const int> values) {
  NamedTensor tensor{std::string(name), DType::kI32, std::move(shape), {}};
  tensor.data.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

NamedTensor CodesTensor(std::span<const std::vector<int>> codes) {
  size_t width = 1;
  for (const std::vector<int>& code : codes) width = std::max(width, code.size());
  std::vector<int> padded(codes.size() * width, kCodePadding);
  for (size_t item = 0; item < codes.size(); ++item) {
    std::copy(codes[item].begin(), codes[item].end(),
              padded.begin() + static_cast<std::ptrdiff_t>(item * width));
  }
  return IntegerTensor(kCodesTensor,
                       {static_cast<int64_t>(codes.size()), static_cast<int64_t>(width)}, padded);
}

std::map<std::string, std::string> Metadata(const ModelFileContents& contents) {
  const PromptTemplate& prompt = contents.prompt;
  const nlohmann::ordered_json json = {{"prefix", prompt.prefix},
                                       {"separator", prompt.separator},
                                       {"suffix", prompt.suffix},
                                       {"max_history", prompt.max_history}};
  return {{"format", std::string(kModelFormat)},
          {"config", contents.config_json},
          {"prompt", json.dump()}};
}

// Room in a header for a tensor's entry, whatever its numbers: dtype, shape and offsets take at
// most 20 characters a number, the name six a byte if all of it is escaped.
size_t HeaderRoom(const NamedTensor& tensor) {
  return 96 + 6 * tensor.name.size() + 21 * (tensor.shape.size() + 2);
}

size_t HeaderRoom(const std::map<std::string, std::string>& metadata) {
  size_t room = 64;
  for (const auto& [key, value] : metadata) room += 16 + 6 * (key.size() + value.size());
  return room;
}

}  // namespace

std::vector<FileBytes> WriteModelFile(const ModelFileContents& contents) {
  const std::map<std::string, std::string> metadata = Metadata(contents);
  std::vector<NamedTensor> tensors;
  tensors.push_back(CodesTensor(contents.codes));
  tensors.push_back(IntegerTensor(
      kPopularityTensor, {static_cast<int64_t>(contents.popularity.size())}, contents.popularity));
  tensors.push_back(IntegerTensor(kVocabularyTensor,
                                  {static_cast<int64_t>(contents.vocabulary_ids.size())},
                                  contents.vocabulary_ids));
  tensors.insert(tensors.end(), contents.tensors.begin(), contents.tensors.end());

  // Greedy, in order: a tensor opens a new shard when it does not fit the one before.
  std::vector<size_t> first_of_shard = {0};
  size_t used = HeaderRoom(metadata);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const size_t needed = HeaderRoom(tensors[i]) + tensors[i].data.size();
    if (i > first_of_shard.back() && used + needed > kMaxShardBytes) {
      first_of_shard.push_back(i);
      used = HeaderRoom(std::map<std::string, std::string>{});
    }
    used += needed;
  }
  const int total = static_cast<int>(first_of_shard.size());
  first_of_shard.push_back(tensors.size());

  std::vector<FileBytes> shards;
  for (int shard = 0; shard < total; ++shard) {
    const size_t begin = first_of_shard[static_cast<size_t>(shard)];
    const size_t end = first_of_shard[static_cast<size_t>(shard) + 1];
    const std::span<const NamedTensor> part(tensors.data() + begin, end - begin);
    shards.push_back(
        {ShardName(shard + 1, total),
         WriteSafetensors(part, shard == 0 ? metadata : std::map<std::string, std::string>{})});
  }
  return shards;
}

}  // namespace halfling
