// The writing half of engine/model_file/safetensors.h.
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/model_file/safetensors.h"

namespace halfling {

std::vector<std::byte> WriteSafetensors(std::span<const NamedTensor> tensors,
                                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kSafetensorsMetadata)] = metadata;
  size_t data_size = 0;
  for (const NamedTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", DTypeName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {data_size, data_size + tensor.data.size()}}};
    data_size += tensor.data.size();
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.resize((text.size() + kSafetensorsLengthBytes - 1) / kSafetensorsLengthBytes *
                  kSafetensorsLengthBytes,
              ' ');

  std::vector<std::byte> bytes(kSafetensorsLengthBytes + text.size() + data_size);
  for (size_t i = 0; i < kSafetensorsLengthBytes; ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<uint64_t>(text.size()) >> (8 * i) & 0xFF);
  }
  std::byte* out = bytes.data() + kSafetensorsLengthBytes;
  std::memcpy(out, text.data(), text.size());
  out += text.size();
  for (const NamedTensor& tensor : tensors) {
    if (!tensor.data.empty()) std::memcpy(out, tensor.data.data(), tensor.data.size());
    out += tensor.data.size();
  }
  return bytes;
}

}  // namespace halfling
