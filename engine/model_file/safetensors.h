// The safetensors container (https://github.com/huggingface/safetensors#format): an 8-byte length,
// a JSON header, then the tensors' bytes. Everything read here is untrusted.
#ifndef HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_
#define HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace halfling {

// The format allows 100 MB; a header of 16 MiB describes over 100,000 tensors, and its parsed form
// still fits a browser tab.
inline constexpr size_t kMaxSafetensorsHeaderBytes = 16 * 1024 * 1024;
inline constexpr size_t kMaxTensorRank = 8;
inline constexpr size_t kSafetensorsLengthBytes = 8;
inline constexpr std::string_view kSafetensorsMetadata = "__metadata__";  // the key in the header

// Views into the bytes of one file; the bytes must outlive it.
class SafetensorsFile : public TensorSource {
 public:
  // Checks everything before it trusts anything. The codes:
  //   kTruncatedFile     the file ends before its header, or before a tensor's end offset
  //   kMalformedHeader   empty header, negative or overflowing shape, begin > end, offsets that
  //                      differ from dtype * shape, overlap, or leave a hole
  //   kMalformedJson     the header is not JSON, or lacks a field, or has one of another type
  //   kDuplicateTensor   a name twice
  //   kUnsupportedDType  a dtype that the format does not know
  //   kTooLarge          a header beyond kMaxSafetensorsHeaderBytes
  // A tensor of a dtype that the format knows but the engine does not (I64, BOOL, …) is checked and
  // kept, and fails only when asked for. `file_name` is for messages only.
  static Result<SafetensorsFile> Parse(std::span<const std::byte> bytes,
                                       std::string_view file_name);

  // kMissingTensor; kUnsupportedDType for a tensor that the engine cannot read.
  Result<TensorView> Find(std::string_view name) const override;
  bool Has(std::string_view name) const override;
  std::vector<std::string> Names() const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& file_name() const { return file_name_; }

 private:
  struct Entry {
    std::string dtype_name;
    std::optional<DType> dtype;  // nothing if the engine does not know it
    Shape shape;
    std::span<const std::byte> data;
  };

  std::string file_name_;
  std::map<std::string, Entry, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

struct NamedTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> data;
};

// The inverse of Parse: tensors in the given order, header padded with spaces to 8 bytes. Names
// must be unique and data as long as dtype and shape say (callers check).
std::vector<std::byte> WriteSafetensors(std::span<const NamedTensor> tensors,
                                        const std::map<std::string, std::string>& metadata);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_
