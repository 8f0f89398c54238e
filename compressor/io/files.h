// Whole files in and out, and the rule for file names that come out of untrusted documents.
#ifndef HALFLING_COMPRESSOR_IO_FILES_H_
#define HALFLING_COMPRESSOR_IO_FILES_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

// Text documents (JSON, CSV) beyond this are refused.
inline constexpr size_t kMaxDocumentBytes = size_t{1} << 30;

// kIo when the file cannot be read, kTooLarge beyond `max_bytes`.
Result<std::string> ReadTextFile(const std::filesystem::path& path,
                                 size_t max_bytes = kMaxDocumentBytes);
Result<std::vector<std::byte>> ReadBinaryFile(const std::filesystem::path& path, size_t max_bytes);

// Creates or replaces the file and hands it to the system, which may write it to the disk later:
// kIo names the file and the cause.
Status WriteFile(const std::filesystem::path& path, std::span<const std::byte> bytes);
Status WriteFile(const std::filesystem::path& path, std::string_view text);

// A file that takes its place only when it is whole: until then what was there stays.
class ReplacedFile {
 public:
  // Creates an empty file beside `path`, or beside what it links to: kIo where that cannot be.
  static Result<ReplacedFile> Begin(const std::filesystem::path& path);

  ReplacedFile(ReplacedFile&& other) noexcept;
  ReplacedFile& operator=(ReplacedFile&&) = delete;
  ~ReplacedFile();  // removes what was not committed

  Status Commit(std::string_view text);

 private:
  explicit ReplacedFile(std::filesystem::path path);

  std::filesystem::path path_;
  std::filesystem::path partial_;  // empty once there is nothing to remove
};

// Whether `name` names a file of the directory itself: no separators, no "..", nothing hidden. A
// document that lists other files must not reach outside its own directory.
bool IsPlainFileName(std::string_view name);

// Lower-case hexadecimal SHA-256.
std::string Sha256Hex(std::span<const std::byte> bytes);
std::string Sha256Hex(std::string_view text);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_IO_FILES_H_
