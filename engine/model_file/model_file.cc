#include "engine/model_file/model_file.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "engine/model_file/shard_set.h"
#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

// Row `item` of catalog.codes without its padding, into `code`.
Status ReadCode(const TensorView& codes, size_t item, int vocab_size, const std::string& where,
                std::vector<int>& code) {
  const auto width = static_cast<size_t>(codes.shape[1]);
  code.clear();
  bool ended = false;
  for (size_t i = 0; i < width; ++i) {
    const int token = IndexAt(codes, item * width + i);
    ended = ended || token == kCodePadding;
    if (ended ? token != kCodePadding : (token < 0 || token >= vocab_size)) {
      return Fail(ErrorCode::kInvalidCatalog, where, "[", item, "][", i, "]: token ", token,
                  "; expected ",
                  ended ? "only -1 after the first -1"
                        : Concat("an id from 0 to ", vocab_size - 1, ", or -1 as padding"));
    }
    if (!ended) code.push_back(token);
  }
  if (code.empty()) {
    return Fail(ErrorCode::kInvalidCatalog, where, "[", item, "]: an empty code; expected 1 to ",
                kMaxCodeTokens, " tokens");
  }
  return {};
}

Status CheckPromptTokens(const std::vector<int>& tokens, int vocab_size, const std::string& where) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= vocab_size) {
      return Fail(ErrorCode::kInvalidConfig, where, "[", i, "]: token ", tokens[i],
                  "; expected an id below ", vocab_size);
    }
  }
  return {};
}

Result<PromptTemplate> ParsePrompt(std::string_view text, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue json, ParseStrictJson(text, where));
  PromptTemplate prompt;
  const std::pair<const char*, std::vector<int>*> parts[] = {
      {"prefix", &prompt.prefix}, {"separator", &prompt.separator}, {"suffix", &prompt.suffix}};
  for (const auto& [key, tokens] : parts) {
    HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(json, key, where));
    HALFLING_ASSIGN_OR_RETURN(*tokens, JsonIntegers(*value, 0, std::numeric_limits<int>::max(),
                                                    kMaxPromptPartTokens, Concat(where, ".", key)));
  }
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(json, "max_history", where));
  HALFLING_ASSIGN_OR_RETURN(const int64_t max_history,
                            JsonInteger(*value, 1, kMaxPromptItems, Concat(where, ".max_history")));
  prompt.max_history = static_cast<int>(max_history);
  return prompt;
}

Result<std::string> MetadataField(const SafetensorsFile& file, const std::string& key,
                                  ErrorCode code) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) {
    return Fail(code, file.file_name(), ": __metadata__ has no field ", Quoted(key));
  }
  return found->second;
}

}  // namespace

Result<ModelFile> ModelFile::Read(std::vector<FileBytes> shards) {
  ModelFile model;
  HALFLING_ASSIGN_OR_RETURN(model.shards_, SortShards(std::move(shards)));
  HALFLING_RETURN_IF_ERROR(model.IndexTensors());
  HALFLING_RETURN_IF_ERROR(model.ReadMetadata());
  HALFLING_RETURN_IF_ERROR(model.ReadVocabulary());
  HALFLING_RETURN_IF_ERROR(model.ReadCodes());
  HALFLING_RETURN_IF_ERROR(model.ReadPopularity());
  return model;
}

Status ModelFile::IndexTensors() {
  for (const FileBytes& shard : shards_) {
    HALFLING_ASSIGN_OR_RETURN(SafetensorsFile file,
                              SafetensorsFile::Parse(shard.bytes, shard.name));
    for (std::string& name : file.Names()) {
      const auto [known, added] = file_of_tensor_.emplace(std::move(name), files_.size());
      if (!added) {
        return Fail(ErrorCode::kDuplicateTensor, shard.name, ": tensor ", Quoted(known->first),
                    " is also in ", shards_[known->second].name);
      }
    }
    files_.push_back(std::move(file));
  }
  return {};
}

Status ModelFile::ReadMetadata() {
  const SafetensorsFile& first = files_.front();
  HALFLING_ASSIGN_OR_RETURN(const std::string format,
                            MetadataField(first, "format", ErrorCode::kUnsupportedVersion));
  if (format != kModelFormat) {
    return Fail(ErrorCode::kUnsupportedVersion, first.file_name(), ": __metadata__.format is ",
                Quoted(format), "; expected ", Quoted(kModelFormat));
  }
  HALFLING_ASSIGN_OR_RETURN(config_json_,
                            MetadataField(first, "config", ErrorCode::kMalformedJson));
  HALFLING_ASSIGN_OR_RETURN(const std::string prompt,
                            MetadataField(first, "prompt", ErrorCode::kMalformedJson));
  HALFLING_ASSIGN_OR_RETURN(
      prompt_, ParsePrompt(prompt, Concat(first.file_name(), ": __metadata__.prompt")));
  return {};
}

Result<TensorView> ModelFile::FindIndices(std::string_view name, size_t rank) const {
  HALFLING_ASSIGN_OR_RETURN(TensorView tensor, Find(name));
  if (!IsIndex(tensor.dtype)) {
    return Fail(ErrorCode::kUnsupportedDType, Where(name), ": dtype is ", DTypeName(tensor.dtype),
                "; expected I16 or I32");
  }
  if (tensor.shape.size() != rank) {
    return Fail(ErrorCode::kShapeMismatch, Where(name), ": shape is ", ShapeToString(tensor.shape),
                "; expected ", rank, " dimensions");
  }
  return tensor;
}

Status ModelFile::ReadVocabulary() {
  const std::string where = Where(kVocabularyTensor);
  HALFLING_ASSIGN_OR_RETURN(const TensorView ids, FindIndices(kVocabularyTensor, 1));
  for (size_t i = 0; i < static_cast<size_t>(ids.shape[0]); ++i) {
    const int id = IndexAt(ids, i);
    if (id < 0 || (i > 0 && id <= vocabulary_ids_.back())) {
      return Fail(ErrorCode::kInvalidCatalog, where, "[", i, "]: ", id,
                  "; expected an id of at least 0, above the one before");
    }
    vocabulary_ids_.push_back(id);
  }
  const int vocab_size = static_cast<int>(vocabulary_ids_.size());
  const std::string prompt = files_.front().file_name() + ": __metadata__.prompt.";
  HALFLING_RETURN_IF_ERROR(CheckPromptTokens(prompt_.prefix, vocab_size, prompt + "prefix"));
  HALFLING_RETURN_IF_ERROR(CheckPromptTokens(prompt_.separator, vocab_size, prompt + "separator"));
  return CheckPromptTokens(prompt_.suffix, vocab_size, prompt + "suffix");
}

Status ModelFile::ReadCodes() {
  const std::string where = Where(kCodesTensor);
  HALFLING_ASSIGN_OR_RETURN(const TensorView codes, FindIndices(kCodesTensor, 2));
  const int64_t num_items = codes.shape[0];
  const std::string shape = Concat(where, ": shape is ", ShapeToString(codes.shape), "; expected ");
  if (num_items == 0) return Fail(ErrorCode::kEmptyCatalog, shape, "at least one item");
  if (num_items > kMaxCatalogItems) {
    return Fail(ErrorCode::kTooLarge, shape, "at most ", kMaxCatalogItems, " items");
  }
  if (codes.shape[1] < 1 || codes.shape[1] > kMaxCodeTokens) {
    return Fail(ErrorCode::kInvalidCatalog, shape, "codes of 1 to ", kMaxCodeTokens, " tokens");
  }
  const int vocab_size = static_cast<int>(vocabulary_ids_.size());
  codes_.Reserve(static_cast<size_t>(num_items),
                 static_cast<size_t>(num_items) * static_cast<size_t>(codes.shape[1]));
  std::vector<int> code;
  for (size_t item = 0; item < static_cast<size_t>(num_items); ++item) {
    HALFLING_RETURN_IF_ERROR(ReadCode(codes, item, vocab_size, where, code));
    codes_.Append(code);
  }
  return {};
}

Status ModelFile::ReadPopularity() {
  const std::string where = Where(kPopularityTensor);
  HALFLING_ASSIGN_OR_RETURN(const TensorView counts, FindIndices(kPopularityTensor, 1));
  if (counts.shape[0] != static_cast<int64_t>(codes_.size())) {
    return Fail(ErrorCode::kInvalidCatalog, where, ": shape is ", ShapeToString(counts.shape),
                "; expected one count for each of ", codes_.size(), " items");
  }
  popularity_.reserve(codes_.size());
  for (size_t item = 0; item < codes_.size(); ++item) {
    const int count = IndexAt(counts, item);
    if (count < 0) {
      return Fail(ErrorCode::kInvalidCatalog, where, "[", item, "]: ", count,
                  "; expected a count of at least 0");
    }
    popularity_.push_back(count);
  }
  return {};
}

std::string ModelFile::Where(std::string_view tensor) const {
  const auto found = file_of_tensor_.find(tensor);
  return found == file_of_tensor_.end() ? std::string(tensor)
                                        : Concat(shards_[found->second].name, ": ", tensor);
}

Result<TensorView> ModelFile::Find(std::string_view name) const {
  const auto found = file_of_tensor_.find(name);
  if (found == file_of_tensor_.end()) {
    return Fail(ErrorCode::kMissingTensor, "tensor ", Quoted(name), " is in none of the ",
                shards_.size(), " shards");
  }
  return files_[found->second].Find(name);
}

bool ModelFile::Has(std::string_view name) const {
  return file_of_tensor_.find(name) != file_of_tensor_.end();
}

std::vector<std::string> ModelFile::Names() const {
  std::vector<std::string> names;
  names.reserve(file_of_tensor_.size());
  for (const auto& [name, file] : file_of_tensor_) names.push_back(name);
  return names;
}

}  // namespace halfling
