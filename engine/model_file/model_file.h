// Halfling's model format, layout, reader and writer side by side.
//
// A model is one or more safetensors shards, model-00001-of-0000N.safetensors, of at most 8 MiB
// each (a tensor larger than that has a shard of its own). The first shard's __metadata__ holds
//   "format":   "halfling-1"
//   "config":   the model's configuration in Hugging Face field names; vocab_size is the pruned one
//   "prompt":   {"prefix": [token…], "separator": [token…], "suffix": [token…],
//                "max_history": n}
// Tensors:
//   the model's, under their Hugging Face names; matrices in any form of stored_tensors.h: floats,
//                       int8 or int4 with scales. The integers say how the engine rounds what an
//                       int8 matrix multiplies: to 8 bits if all are within 63, else to 16
//                       (kernels/generic.h). A linear layer NAME is
//                         dense: NAME.weight;
//                         low-rank: NAME.left [out, rank] times NAME.right [rank, in]; or
//                         pivoted: NAME.right [rank, in] holds the rows NAME.pivots [rank]
//                         (rising), NAME.left [out - rank, rank] times it the others, in order
//   catalog.codes       [num_items, code_length]  token ids, padded with -1 at the end
//   catalog.popularity  [num_items]
//   vocabulary.ids      [vocab_size]  each kept token's id in the checkpoint that it came from
// Pivots, catalog.* and vocabulary.ids are I16 where that holds all their numbers, else I32.
// All token ids, in prompt and codes, are ids of the pruned vocabulary.
#ifndef HALFLING_ENGINE_MODEL_FILE_MODEL_FILE_H_
#define HALFLING_ENGINE_MODEL_FILE_MODEL_FILE_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/token_lists.h"
#include "engine/model_file/safetensors.h"
#include "engine/model_file/shard_set.h"
#include "engine/tensor/tensor.h"

namespace halfling {

inline constexpr std::string_view kModelFormat = "halfling-1";
inline constexpr std::string_view kCodesTensor = "catalog.codes";
inline constexpr std::string_view kPopularityTensor = "catalog.popularity";
inline constexpr std::string_view kVocabularyTensor = "vocabulary.ids";
inline constexpr int kCodePadding = -1;

inline constexpr size_t kMaxShardBytes = 8 * 1024 * 1024;
inline constexpr int kMaxCatalogItems = 1 << 22;
inline constexpr int kMaxPromptPartTokens = 4'096;  // of prefix, separator or suffix
inline constexpr int kMaxCodeTokens = 8;
inline constexpr int kMaxPromptItems = 10'000;  // of max_history

// How a history becomes tokens: prefix, then the items' codes joined by separator, then suffix.
struct PromptTemplate {
  std::vector<int> prefix;
  std::vector<int> separator;
  std::vector<int> suffix;
  int max_history = 20;  // items beyond the last max_history are dropped

  // The whole prompt after `history`, of item indices, oldest first; append_code(item, tokens)
  // appends an item's code.
  template <typename AppendCode>
  std::vector<int> Fill(std::span<const int> history, const AppendCode& append_code) const {
    const size_t kept = std::min(history.size(), static_cast<size_t>(max_history));
    std::vector<int> tokens = prefix;
    AppendItems(history.last(kept), append_code, tokens);
    tokens.insert(tokens.end(), suffix.begin(), suffix.end());
    return tokens;
  }

  // Of that the items alone, all of them.
  template <typename AppendCode>
  void AppendItems(std::span<const int> items, const AppendCode& append_code,
                   std::vector<int>& tokens) const {
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) tokens.insert(tokens.end(), separator.begin(), separator.end());
      append_code(items[i], tokens);
    }
  }
};

// What a model directory holds, before the tensors are turned into weights. It stays a TensorSource
// over the bytes that it owns. Layering: knows tensors and JSON, neither layers nor the model.
class ModelFile : public TensorSource {
 public:
  // Shards in any order; all of 1…N must be there, once. Beyond SafetensorsFile::Parse's codes:
  //   kTruncatedFile        a shard is missing
  //   kMalformedHeader      a file name that is not a shard's, or shards of different totals
  //   kDuplicateTensor      a shard, or a tensor's name, twice
  //   kUnsupportedVersion   no "format", or not this one
  //   kMalformedJson        no "config" or "prompt", or a prompt of another form
  //   kInvalidConfig        a prompt token outside the vocabulary, or max_history out of range
  //   kTooLarge             more shards, items or tokens of the prompt than there may be
  //   kMissingTensor, kUnsupportedDType, kShapeMismatch, kEmptyCatalog, kInvalidCatalog
  //                         catalog.* and vocabulary.ids, by what is wrong with them
  static Result<ModelFile> Read(std::vector<FileBytes> shards);

  // Views into its own bytes: it can move, and never copies.
  ModelFile(ModelFile&&) = default;
  ModelFile& operator=(ModelFile&&) = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  // The file that carries the metadata, for messages.
  const std::string& first_shard_name() const { return shards_.front().name; }
  const std::string& config_json() const { return config_json_; }
  const PromptTemplate& prompt() const { return prompt_; }
  const TokenLists& codes() const { return codes_; }
  const std::vector<int>& popularity() const { return popularity_; }
  const std::vector<int>& vocabulary_ids() const { return vocabulary_ids_; }

  Result<TensorView> Find(std::string_view name) const override;
  bool Has(std::string_view name) const override;
  std::vector<std::string> Names() const;

 private:
  ModelFile() = default;

  Status IndexTensors();
  Status ReadMetadata();
  Status ReadVocabulary();
  Status ReadCodes();
  Status ReadPopularity();
  // "SHARD: TENSOR" for messages.
  std::string Where(std::string_view tensor) const;
  // The tensor `name` of I16 or I32, of `rank` dimensions.
  Result<TensorView> FindIndices(std::string_view name, size_t rank) const;

  std::vector<FileBytes> shards_;  // in the order of their numbers
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t, std::less<>> file_of_tensor_;
  std::string config_json_;
  PromptTemplate prompt_;
  TokenLists codes_;
  std::vector<int> popularity_;
  std::vector<int> vocabulary_ids_;
};

struct ModelFileContents {
  std::string config_json;
  PromptTemplate prompt;
  std::vector<std::vector<int>> codes;
  std::vector<int> popularity;
  std::vector<int> vocabulary_ids;
  std::vector<NamedTensor> tensors;  // the model's; the catalogue's are added by the writer
};

// The inverse of Read, shard by shard, so that a model larger than memory can be written: a tensor
// opens a new shard when it does not fit the one before. The same tensors always give the same
// bytes. Does not check what Read checks.
class ModelFileWriter {
 public:
  // Takes each shard once it is full, in order. Its name follows from how many there are in the
  // end (ShardName).
  using ShardSink = std::function<Status(std::vector<std::byte> shard)>;

  // Begins with the catalogue and `contents.tensors`.
  static Result<ModelFileWriter> Begin(ModelFileContents contents, ShardSink sink);

  Status Add(NamedTensor tensor);
  // Gives out the last shard. Nothing may be added afterwards.
  Status Finish();

 private:
  ModelFileWriter(std::map<std::string, std::string> metadata, ShardSink sink);

  std::map<std::string, std::string> metadata_;  // of the shard at hand
  ShardSink sink_;
  std::vector<NamedTensor> tensors_;  // of the shard at hand
  size_t used_ = 0;                   // bytes that they take, headers included
};

// All of it in memory: the shards, named.
std::vector<FileBytes> WriteModelFile(const ModelFileContents& contents);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_MODEL_FILE_H_
