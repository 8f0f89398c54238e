// A model directory on disk: manifest.json, the shards and catalog.json.
#ifndef HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_
#define HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compressor/catalog.h"
#include "compressor/model_directory/manifest.h"
#include "engine/model_file/model_file.h"

namespace halfling {

inline constexpr char kManifestFile[] = "manifest.json";
inline constexpr char kCatalogFile[] = "catalog.json";

bool IsModelDirectory(const std::filesystem::path& directory);

struct ModelDirectory {
  Manifest manifest;
  std::vector<FileBytes> shards;
  Catalog catalog;
};

// Reads every file that the manifest lists: kIo for a missing one, kChecksumMismatch for one of
// another size or content.
Result<ModelDirectory> ReadModelDirectory(const std::filesystem::path& directory);

// Writes a model directory file by file into a temporary directory beside `directory`, which is
// renamed in the end, so that nothing half written is ever in its place. The temporary directory
// goes when the writer does, or with a later writer where the process was killed; unless it was
// finished and could not be renamed: then the error names it.
class ModelDirectoryWriter {
 public:
  // `directory`, or what it links to, must not exist yet, be empty, or be a model directory without
  // any file that neither its manifest lists nor the compressor writes; and no mount point, which
  // cannot be renamed. kIo says what is in the way.
  static Result<ModelDirectoryWriter> Begin(const std::filesystem::path& directory);

  ModelDirectoryWriter(ModelDirectoryWriter&& other) noexcept;
  ModelDirectoryWriter& operator=(ModelDirectoryWriter&&) = delete;
  ~ModelDirectoryWriter();

  // The next shard of the weights.
  Status AddShard(std::span<const std::byte> bytes);
  // Names the shards, whose number is now known: kTooLarge for more than kMaxShards. None may be
  // added afterwards.
  Status NameShards();
  Status AddCatalog(const Catalog& catalog);
  // A file that the manifest does not list: the browser never asks for it.
  Status AddUnlisted(const std::string& name, std::string_view text);

  // What has been written, as the manifest is to list it.
  const std::vector<ManifestFile>& files() const { return files_; }
  // The named shards, read back.
  Result<std::vector<FileBytes>> ReadShards() const;

  // Writes the manifest and puts everything in its place. Errors as in Begin: what was there may
  // have changed.
  Status Commit(const Manifest& manifest);

 private:
  ModelDirectoryWriter(std::filesystem::path target, std::filesystem::path partial)
      : target_(std::move(target)), partial_(std::move(partial)) {}

  Status AddListed(const std::string& name, std::span<const std::byte> bytes);

  std::filesystem::path target_;
  std::filesystem::path partial_;  // empty once there is nothing to remove
  std::vector<ManifestFile> files_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_
