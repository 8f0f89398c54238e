// A model directory on disk: manifest.json, the shards and catalog.json.
#ifndef HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_
#define HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_

#include <filesystem>
#include <string>
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

// Whether WriteModelDirectory may put a model at `directory`: it does not exist, is empty, or is a
// model directory without any file that its manifest does not list. kIo says what is in the way.
Status CheckReplaceable(const std::filesystem::path& directory);

// Writes the files and the manifest into a temporary directory beside `directory` and renames it in
// the end, so that an interruption leaves the old state. `files`: those that the manifest lists.
Status WriteModelDirectory(const std::filesystem::path& directory, const Manifest& manifest,
                           const std::vector<FileBytes>& files);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_MODEL_DIRECTORY_MODEL_DIRECTORY_H_
