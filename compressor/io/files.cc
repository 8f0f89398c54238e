#include "compressor/io/files.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

namespace halfling {
namespace {

// Reads the whole file into a container of one-byte elements.
template <typename Container>
Result<Container> ReadWhole(const std::filesystem::path& path, size_t max_bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    const bool exists = std::filesystem::exists(path, error);
    return Fail(ErrorCode::kIo, path.string(),
                exists ? ": expected a regular file" : ": no such file");
  }
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kIo, path.string() + ": " + error.message());
  if (size > max_bytes) {
    return Fail(ErrorCode::kTooLarge, path.string() + ": " + std::to_string(size) +
                                          " bytes, expected at most " + std::to_string(max_bytes));
  }
  Container contents;
  contents.resize(static_cast<size_t>(size));
  std::ifstream stream(path, std::ios::binary);
  stream.read(reinterpret_cast<char*>(contents.data()), static_cast<std::streamsize>(size));
  if (!stream || static_cast<uintmax_t>(stream.gcount()) != size) {
    return Fail(ErrorCode::kIo, path.string() + ": cannot be read: " + std::strerror(errno));
  }
  return contents;
}

}  // namespace

Result<std::string> ReadTextFile(const std::filesystem::path& path, size_t max_bytes) {
  return ReadWhole<std::string>(path, max_bytes);
}

Result<std::vector<std::byte>> ReadBinaryFile(const std::filesystem::path& path, size_t max_bytes) {
  return ReadWhole<std::vector<std::byte>>(path, max_bytes);
}

Status WriteFile(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) {
    return Fail(ErrorCode::kIo, path.string() + ": cannot be written: " + std::strerror(errno));
  }
  return {};
}

Status WriteFile(const std::filesystem::path& path, std::string_view text) {
  return WriteFile(path, std::as_bytes(std::span(text)));
}

ReplacedFile::ReplacedFile(std::filesystem::path path)
    : path_(std::move(path)), partial_(path_.string() + ".partial") {}

ReplacedFile::ReplacedFile(ReplacedFile&& other) noexcept
    : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, {})) {}

ReplacedFile::~ReplacedFile() {
  std::error_code ignored;
  if (!partial_.empty()) std::filesystem::remove(partial_, ignored);
}

Result<ReplacedFile> ReplacedFile::Begin(const std::filesystem::path& path) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (!path.has_filename() || (exists && !std::filesystem::is_regular_file(path, error))) {
    return Fail(ErrorCode::kIo, path.string(), ": expected a regular file, or none yet");
  }
  // A link goes on leading to the file.
  ReplacedFile file(exists ? std::filesystem::canonical(path, error) : path);
  if (error) return Fail(ErrorCode::kIo, path.string(), ": ", error.message());
  HALFLING_RETURN_IF_ERROR(WriteFile(file.partial_, std::string_view()));
  return file;
}

Status ReplacedFile::Commit(std::string_view text) {
  HALFLING_RETURN_IF_ERROR(WriteFile(partial_, text));
  std::error_code error;
  std::filesystem::rename(partial_, path_, error);
  if (error) return Fail(ErrorCode::kIo, path_.string(), ": ", error.message());
  partial_.clear();
  return {};
}

bool IsPlainFileName(std::string_view name) {
  constexpr std::string_view kSeparators("/\\:\0", 4);
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         name.find_first_of(kSeparators) == std::string_view::npos;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

std::string Sha256Hex(std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); }

}  // namespace halfling
