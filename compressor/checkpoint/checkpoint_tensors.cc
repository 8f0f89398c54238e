#include "compressor/checkpoint/checkpoint_tensors.h"

#include "compressor/io/files.h"
#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";

}  // namespace

Result<CheckpointTensors> CheckpointTensors::Open(const std::filesystem::path& directory) {
  CheckpointTensors tensors;
  std::error_code ignored;
  if (std::filesystem::exists(directory / kSingleFile, ignored)) {
    HALFLING_RETURN_IF_ERROR(tensors.AddFile(directory / kSingleFile));
    for (const std::string& name : tensors.files_[0].Names()) {
      tensors.file_of_tensor_.emplace(name, 0);
    }
    return tensors;
  }
  if (!std::filesystem::exists(directory / kIndexFile, ignored)) {
    return Fail(ErrorCode::kIo, directory.string() + ": expected " + std::string(kSingleFile) +
                                    " or " + std::string(kIndexFile) + " in it");
  }
  HALFLING_RETURN_IF_ERROR(tensors.OpenIndexed(directory));
  return tensors;
}

Status CheckpointTensors::OpenIndexed(const std::filesystem::path& directory) {
  const std::string where = (directory / kIndexFile).string();
  HALFLING_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(directory / kIndexFile));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(text, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const member,
                            JsonMember(document, "weight_map", where));
  const JsonValue::Object* const weight_map = member->AsObject();
  if (weight_map == nullptr) {
    return Fail(ErrorCode::kMalformedJson,
                where + ": weight_map: expected an object of tensor name to file name");
  }
  std::map<std::string, size_t> opened;
  for (const auto& [tensor, value] : *weight_map) {
    const std::string field = where + ": weight_map[" + Quoted(tensor) + "]";
    if (value.AsString() == nullptr) {
      return Fail(ErrorCode::kMalformedJson, field + ": expected a file name");
    }
    const std::string& file = *value.AsString();
    if (!IsPlainFileName(file)) {
      return Fail(ErrorCode::kMalformedJson,
                  field + ": " + Quoted(file) + ", expected the plain name of a file beside it");
    }
    if (!opened.contains(file)) {
      HALFLING_ASSIGN_OR_RETURN(const size_t index, AddFile(directory / file));
      opened.emplace(file, index);
    }
    const size_t index = opened.at(file);
    if (!files_[index].Has(tensor)) {
      return Fail(ErrorCode::kMissingTensor,
                  field + ": " + Quoted(file) + " does not hold this tensor");
    }
    file_of_tensor_.emplace(tensor, index);
  }
  return {};
}

Result<size_t> CheckpointTensors::AddFile(const std::filesystem::path& path) {
  HALFLING_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::Open(path));
  HALFLING_ASSIGN_OR_RETURN(SafetensorsFile file,
                            SafetensorsFile::Parse(mapping.bytes(), path.string()));
  bytes_on_disk_ += mapping.bytes().size();
  mappings_.push_back(std::move(mapping));
  files_.push_back(std::move(file));
  return files_.size() - 1;
}

Result<TensorView> CheckpointTensors::Find(std::string_view name) const {
  const auto found = file_of_tensor_.find(name);
  if (found == file_of_tensor_.end()) {
    return Fail(ErrorCode::kMissingTensor,
                "the checkpoint has no tensor " + Quoted(name) + ", which its configuration needs");
  }
  return files_[found->second].Find(name);
}

std::vector<std::string> CheckpointTensors::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : file_of_tensor_) names.push_back(name);
  return names;
}

void CheckpointTensors::ReleasePages() const {
  for (const MappedFile& mapping : mappings_) mapping.ReleasePages();
}

bool CheckpointTensors::Has(std::string_view name) const { return file_of_tensor_.contains(name); }

}  // namespace halfling
