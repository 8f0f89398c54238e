// A file's bytes in memory without reading them all: what a checkpoint's weights come from.
#ifndef HALFLING_COMPRESSOR_IO_MAPPED_FILE_H_
#define HALFLING_COMPRESSOR_IO_MAPPED_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>

#include "engine/base/result.h"

namespace halfling {

// Read-only and private; unmapped on destruction, so spans of it must not outlive it. The file must
// not be shortened meanwhile.
class MappedFile {
 public:
  // kIo when the file cannot be opened or is not a regular file.
  static Result<MappedFile> Open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

  // Gives back the memory of what was read; it is read again when it is looked at again.
  void ReleasePages() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_IO_MAPPED_FILE_H_
