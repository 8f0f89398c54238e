// The safetensors container (https://github.com/huggingface/safetensors#format): an 8-byte length,
// a JSON header, then the tensors' bytes. Everything read here is untrusted.
#ifndef HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_
#define HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/tensor/tensor.h"

namespace halfling {

// Views into the bytes of one file; the bytes must outlive it.
class SafetensorsFile : public TensorSource {
 public:
  // Checks everything before it trusts anything: header length within the file and below 100 MB,
  // JSON with unique names, known dtypes, non-negative shapes whose product cannot overflow,
  // offsets inside the data, begin <= end, size = dtype * shape, no overlap, no hole (the format
  // forbids both). `file_name` is for messages only.
  static Result<SafetensorsFile> Parse(std::span<const std::byte> bytes, std::string_view file_name);

  Result<TensorView> Find(std::string_view name) const override;
  bool Has(std::string_view name) const override;
  std::vector<std::string> Names() const override;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::string file_name_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

struct NamedTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> data;
};

// The inverse of Parse: tensors in the given order, header padded with spaces to 8 bytes.
std::vector<std::byte> WriteSafetensors(std::span<const NamedTensor> tensors,
                                        const std::map<std::string, std::string>& metadata);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_SAFETENSORS_H_
