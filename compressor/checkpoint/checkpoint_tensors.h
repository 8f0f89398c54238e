// The weights of a Hugging Face directory: model.safetensors, or shards listed by
// model.safetensors.index.json. Untrusted.
#ifndef HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_TENSORS_H_
#define HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_TENSORS_H_

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compressor/io/mapped_file.h"
#include "engine/model_file/safetensors.h"

namespace halfling {

// Memory-mapped, so that opening costs little and only what is read is loaded. The views that it
// gives out live as long as it does.
class CheckpointTensors : public TensorSource {
 public:
  // A file that the index names must be a plain file name inside `directory`, and must hold every
  // tensor that the index puts into it. As in `transformers`, model.safetensors goes first where
  // both forms are present, and tensors that the index does not list do not exist.
  static Result<CheckpointTensors> Open(const std::filesystem::path& directory);

  Result<TensorView> Find(std::string_view name) const override;
  bool Has(std::string_view name) const override;

  std::vector<std::string> Names() const;

  // Gives back the memory of what was read so far. Views stay valid.
  void ReleasePages() const;

  size_t bytes_on_disk() const { return bytes_on_disk_; }

 private:
  // Maps and parses a shard; returns its index.
  Result<size_t> AddFile(const std::filesystem::path& path);
  Status OpenIndexed(const std::filesystem::path& directory);

  std::vector<MappedFile> mappings_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t, std::less<>> file_of_tensor_;
  size_t bytes_on_disk_ = 0;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_TENSORS_H_
