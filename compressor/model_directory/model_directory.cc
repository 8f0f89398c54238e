#include "compressor/model_directory/model_directory.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "compressor/io/files.h"
#include "engine/base/text.h"

namespace halfling {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartial = "partial";
constexpr std::string_view kOld = "old";

tl::unexpected<Error> IoFailure(const fs::path& path, const std::error_code& error) {
  return Fail(ErrorCode::kIo, path.string() + ": " + error.message());
}

Result<Manifest> ReadManifest(const fs::path& directory) {
  HALFLING_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(directory / kManifestFile));
  return ParseManifest(text, (directory / kManifestFile).string());
}

Result<std::vector<std::byte>> ReadListedFile(const fs::path& path, const ManifestFile& listed) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return IoFailure(path, error);
  if (size != static_cast<uintmax_t>(listed.bytes)) {
    return Fail(ErrorCode::kChecksumMismatch,
                path.string() + ": " + std::to_string(size) + " bytes, expected " +
                    std::to_string(listed.bytes) + " as in " + kManifestFile);
  }
  HALFLING_ASSIGN_OR_RETURN(std::vector<std::byte> bytes,
                            ReadBinaryFile(path, std::max(static_cast<size_t>(size), size_t{1})));
  if (Sha256Hex(bytes) != listed.sha256) {
    return Fail(ErrorCode::kChecksumMismatch, path.string() + ": its SHA-256 is not " +
                                                  listed.sha256 + " as in " + kManifestFile);
  }
  return bytes;
}

// `path` without a slash at its end, which would leave no name to derive others from.
fs::path WithoutTrailingSlash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

// Names beside `directory` begin so, and end in a process's number.
std::string SiblingPrefix(const fs::path& directory, std::string_view purpose) {
  return Concat(".", directory.filename().string(), ".", purpose, "-");
}

// A name beside `directory` that no other living process uses. In a container, a process that was
// killed may have had the same number.
fs::path Sibling(const fs::path& directory, std::string_view purpose) {
  return directory.parent_path() / Concat(SiblingPrefix(directory, purpose), getpid());
}

// Removes what processes that are no more have left half written beside `directory`. One of another
// machine or container, which is not seen here, writes a shard within the day.
void RemoveAbandoned(const fs::path& directory) {
  const std::string prefix = SiblingPrefix(directory, kPartial);
  std::error_code ignored;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    pid_t process = 0;
    const char* const end = name.data() + name.size();
    if (!name.starts_with(prefix) ||
        std::from_chars(name.data() + prefix.size(), end, process).ptr != end || process <= 0) {
      continue;
    }
    const bool is_alive = kill(process, 0) == 0 || errno != ESRCH;
    const bool is_old = fs::last_write_time(entry.path(), ignored) <
                        fs::file_time_type::clock::now() - std::chrono::hours(24);
    const bool is_abandoned = process == getpid() || (!is_alive && is_old);
    if (is_abandoned && !IsModelDirectory(entry.path())) fs::remove_all(entry.path(), ignored);
  }
}

// Another file system, or a folder of one, in the directory's place, as a container's volume is.
bool IsMountPoint(const fs::path& directory) {
#ifdef STATX_ATTR_MOUNT_ROOT
  struct statx status {};
  return statx(AT_FDCWD, directory.c_str(), 0, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#else
  return directory.empty();  // Not known here; renaming tells in the end.
#endif
}

// Puts `written` where `target` is; what was there is gone afterwards.
Status Replace(const fs::path& written, const fs::path& target) {
  std::error_code error;
  std::error_code ignored;
  const fs::path old = Sibling(target, kOld);
  const bool replaces = fs::exists(target, error);
  if (replaces) {
    fs::remove_all(old, error);  // what a killed process left
    if (!error) fs::rename(target, old, error);
    if (error) return IoFailure(target, error);
  }
  fs::rename(written, target, error);
  if (error) {
    if (replaces) fs::rename(old, target, ignored);
    return IoFailure(target, error);
  }
  fs::remove_all(old, ignored);
  return {};
}

// Whether a model may be put at `directory`, as ModelDirectoryWriter::Begin has it.
Status CheckReplaceable(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  if (!fs::is_directory(directory, error)) {
    return Fail(ErrorCode::kIo, directory.string() + ": exists and is no directory");
  }
  if (fs::is_empty(directory, error)) return {};
  const Result<Manifest> manifest = ReadManifest(directory);
  if (!manifest) {
    return Fail(ErrorCode::kIo, directory.string() +
                                    ": holds files but no model of this tool; choose another "
                                    "directory or remove it");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const bool listed = name == kManifestFile || name == kCompressionFile ||
                        std::ranges::any_of(manifest->files, [&name](const ManifestFile& file) {
                          return file.path == name;
                        });
    if (!listed) {
      return Fail(ErrorCode::kIo, directory.string() + ": holds " + Quoted(name) +
                                      ", which is no part of the model there; replacing the model "
                                      "would delete it");
    }
  }
  return {};
}

}  // namespace

bool IsModelDirectory(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / kManifestFile, ignored);
}

Result<ModelDirectory> ReadModelDirectory(const fs::path& directory) {
  HALFLING_ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(directory));
  std::vector<FileBytes> shards;
  std::optional<Catalog> catalog;
  for (const ManifestFile& listed : manifest.files) {
    const fs::path path = directory / listed.path;
    HALFLING_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, ReadListedFile(path, listed));
    if (listed.path == kCatalogFile) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      HALFLING_ASSIGN_OR_RETURN(catalog, ParseCatalog(text, path.string()));
    } else {
      shards.push_back({listed.path, std::move(bytes)});
    }
  }
  if (!catalog) {
    return Fail(ErrorCode::kMalformedJson, (directory / kManifestFile).string() +
                                               ": files: expected " + kCatalogFile + " among them");
  }
  return ModelDirectory{std::move(manifest), std::move(shards), *std::move(catalog)};
}

Result<ModelDirectoryWriter> ModelDirectoryWriter::Begin(const fs::path& directory) {
  fs::path target = WithoutTrailingSlash(fs::absolute(directory).lexically_normal());
  std::error_code error;
  if (fs::is_symlink(target, error)) {
    target = fs::canonical(target, error);
    if (error) return IoFailure(directory, error);
  }
  if (IsMountPoint(target)) {
    return Fail(ErrorCode::kIo, target.string(),
                ": a mount point cannot be replaced as a whole; name a directory inside it");
  }
  HALFLING_RETURN_IF_ERROR(CheckReplaceable(target));
  RemoveAbandoned(target);
  fs::path partial = Sibling(target, kPartial);
  if (IsModelDirectory(partial)) {
    return Fail(ErrorCode::kIo, partial.string(),
                ": a finished model that could not be put in its place; move or remove it");
  }
  fs::create_directories(partial, error);
  if (error) return IoFailure(partial, error);
  return ModelDirectoryWriter(std::move(target), std::move(partial));
}

ModelDirectoryWriter::ModelDirectoryWriter(ModelDirectoryWriter&& other) noexcept
    : target_(std::move(other.target_)),
      partial_(std::exchange(other.partial_, {})),
      files_(std::move(other.files_)) {}

ModelDirectoryWriter::~ModelDirectoryWriter() {
  std::error_code ignored;
  if (!partial_.empty()) fs::remove_all(partial_, ignored);
}

Status ModelDirectoryWriter::AddListed(const std::string& name, std::span<const std::byte> bytes) {
  HALFLING_RETURN_IF_ERROR(WriteFile(partial_ / name, bytes));
  files_.push_back({name, static_cast<int64_t>(bytes.size()), Sha256Hex(bytes)});
  return {};
}

Status ModelDirectoryWriter::AddShard(std::span<const std::byte> bytes) {
  return AddListed("shard-" + std::to_string(files_.size() + 1), bytes);
}

Status ModelDirectoryWriter::NameShards() {
  const int total = static_cast<int>(files_.size());
  if (total > kMaxShards) {
    return Fail(ErrorCode::kTooLarge, target_.string(), ": ", total, " shards; expected at most ",
                kMaxShards);
  }
  for (int i = 0; i < total; ++i) {
    std::string& name = files_[static_cast<size_t>(i)].path;
    const std::string final_name = ShardName(i + 1, total);
    std::error_code error;
    fs::rename(partial_ / name, partial_ / final_name, error);
    if (error) return IoFailure(partial_ / name, error);
    name = final_name;
  }
  return {};
}

Status ModelDirectoryWriter::AddCatalog(const Catalog& catalog) {
  const std::string json = CatalogToJson(catalog);
  return AddListed(kCatalogFile, std::as_bytes(std::span(json)));
}

Status ModelDirectoryWriter::AddUnlisted(const std::string& name, std::string_view text) {
  return WriteFile(partial_ / name, text);
}

Result<std::vector<FileBytes>> ModelDirectoryWriter::ReadShards() const {
  std::vector<FileBytes> shards;
  for (const ManifestFile& file : files_) {
    if (file.path == kCatalogFile) continue;
    HALFLING_ASSIGN_OR_RETURN(std::vector<std::byte> bytes,
                              ReadListedFile(partial_ / file.path, file));
    shards.push_back({file.path, std::move(bytes)});
  }
  return shards;
}

Status ModelDirectoryWriter::Commit(const Manifest& manifest) {
  HALFLING_RETURN_IF_ERROR(CheckReplaceable(target_));  // again: compressing takes a while
  HALFLING_RETURN_IF_ERROR(
      WriteFile(partial_ / kManifestFile, std::string_view(ManifestToJson(manifest))));
  const fs::path finished = std::exchange(partial_, {});  // stays, whatever happens now
  if (const Status replaced = Replace(finished, target_); !replaced) {
    return Fail(replaced.error().code, replaced.error().message, "; the finished model is ",
                finished.string());
  }
  return {};
}

}  // namespace halfling
