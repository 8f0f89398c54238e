#include "compressor/html_report/part_sizes.h"

#include <system_error>

#include "compressor/checkpoint/checkpoint_tensors.h"
#include "compressor/model_directory/model_directory.h"
#include "engine/model_file/model_file.h"

namespace halfling {
namespace {

namespace fs = std::filesystem;

constexpr char kRecommenderFile[] = "recommender.json";

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

int64_t& Of(PartSizes& sizes, Part part) { return sizes[static_cast<size_t>(part)]; }

// Adds each tensor of a file of `bytes` to its part, and what is left to kOther.
template <typename Tensors>
void AddTensors(const Tensors& tensors, int64_t bytes, PartSizes& sizes) {
  for (const std::string& name : tensors.Names()) {
    const Result<TensorView> tensor = tensors.Find(name);
    if (!tensor) continue;  // Of a type that the engine does not read, so no part of the model.
    const auto size = static_cast<int64_t>(tensor->data.size());
    Of(sizes, PartOf(name)) += size;
    bytes -= size;
  }
  Of(sizes, Part::kOther) += bytes;
}

int64_t FileBytesOrNone(const fs::path& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

Result<PartSizes> MeasureModel(const fs::path& path) {
  HALFLING_ASSIGN_OR_RETURN(const ModelDirectory directory, ReadModelDirectory(path));
  PartSizes sizes{};
  for (const FileBytes& shard : directory.shards) {
    HALFLING_ASSIGN_OR_RETURN(const SafetensorsFile file,
                              SafetensorsFile::Parse(shard.bytes, shard.name));
    AddTensors(file, static_cast<int64_t>(shard.bytes.size()), sizes);
  }
  Of(sizes, Part::kCatalogue) = FileBytesOrNone(path / kCatalogFile);
  return sizes;
}

Result<PartSizes> MeasureCheckpoint(const fs::path& path) {
  HALFLING_ASSIGN_OR_RETURN(const CheckpointTensors tensors, CheckpointTensors::Open(path));
  PartSizes sizes{};
  AddTensors(tensors, static_cast<int64_t>(tensors.bytes_on_disk()), sizes);
  Of(sizes, Part::kCatalogue) = FileBytesOrNone(path / kRecommenderFile);
  return sizes;
}

}  // namespace

std::string_view PartName(Part part) {
  switch (part) {
    case Part::kEmbedding:
      return "embedding";
    case Part::kHead:
      return "head";
    case Part::kAttention:
      return "attention";
    case Part::kFeedForward:
      return "feed-forward";
    case Part::kNorms:
      return "norms";
    case Part::kCodes:
      return "item codes";
    case Part::kOther:
      return "headers";
    case Part::kCatalogue:
      return "catalogue";
  }
  return "";
}

Part PartOf(std::string_view tensor) {
  if (tensor.starts_with("catalog.") || tensor == kVocabularyTensor) return Part::kCodes;
  if (tensor.starts_with("lm_head.")) return Part::kHead;
  if (Contains(tensor, "embed_tokens.")) return Part::kEmbedding;
  if (Contains(tensor, "norm.")) return Part::kNorms;
  if (Contains(tensor, ".self_attn.")) return Part::kAttention;
  if (Contains(tensor, ".mlp.")) return Part::kFeedForward;
  return Part::kOther;
}

Result<PartSizes> MeasureParts(const fs::path& directory) {
  return IsModelDirectory(directory) ? MeasureModel(directory) : MeasureCheckpoint(directory);
}

}  // namespace halfling
