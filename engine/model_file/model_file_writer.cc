// The writing half of engine/model_file/model_file.h.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/model_file/model_file.h"
#include "engine/model_file/stored_tensors.h"

namespace halfling {
namespace {

NamedTensor CodesTensor(std::span<const std::vector<int>> codes) {
  size_t width = 1;
  for (const std::vector<int>& code : codes) width = std::max(width, code.size());
  std::vector<int> padded(codes.size() * width, kCodePadding);
  for (size_t item = 0; item < codes.size(); ++item) {
    std::copy(codes[item].begin(), codes[item].end(),
              padded.begin() + static_cast<std::ptrdiff_t>(item * width));
  }
  const Shape shape = {static_cast<int64_t>(codes.size()), static_cast<int64_t>(width)};
  return IndexTensor(std::string(kCodesTensor), shape, padded);
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

ModelFileWriter::ModelFileWriter(std::map<std::string, std::string> metadata, ShardSink sink)
    : metadata_(std::move(metadata)), sink_(std::move(sink)), used_(HeaderRoom(metadata_)) {}

Result<ModelFileWriter> ModelFileWriter::Begin(ModelFileContents contents, ShardSink sink) {
  ModelFileWriter writer(Metadata(contents), std::move(sink));
  const auto vector = [](std::string_view name, const std::vector<int>& values) {
    return IndexTensor(std::string(name), {static_cast<int64_t>(values.size())}, values);
  };
  HALFLING_RETURN_IF_ERROR(writer.Add(CodesTensor(contents.codes)));
  HALFLING_RETURN_IF_ERROR(writer.Add(vector(kPopularityTensor, contents.popularity)));
  HALFLING_RETURN_IF_ERROR(writer.Add(vector(kVocabularyTensor, contents.vocabulary_ids)));
  for (NamedTensor& tensor : contents.tensors) {
    HALFLING_RETURN_IF_ERROR(writer.Add(std::move(tensor)));
  }
  return writer;
}

Status ModelFileWriter::Add(NamedTensor tensor) {
  const size_t needed = HeaderRoom(tensor) + tensor.data.size();
  if (!tensors_.empty() && used_ + needed > kMaxShardBytes) HALFLING_RETURN_IF_ERROR(Finish());
  used_ += needed;
  tensors_.push_back(std::move(tensor));
  return {};
}

Status ModelFileWriter::Finish() {
  std::vector<std::byte> shard = WriteSafetensors(tensors_, metadata_);
  tensors_.clear();
  metadata_.clear();
  used_ = HeaderRoom(metadata_);
  return sink_(std::move(shard));
}

std::vector<FileBytes> WriteModelFile(const ModelFileContents& contents) {
  std::vector<FileBytes> shards;
  const auto keep = [&shards](std::vector<std::byte> bytes) -> Status {
    shards.push_back({"", std::move(bytes)});
    return {};
  };
  auto writer = ModelFileWriter::Begin(contents, keep);  // fails only where the sink does
  (void)writer->Finish();
  const int total = static_cast<int>(shards.size());
  for (int i = 0; i < total; ++i) shards[static_cast<size_t>(i)].name = ShardName(i + 1, total);
  return shards;
}

}  // namespace halfling
