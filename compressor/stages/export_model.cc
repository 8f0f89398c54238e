#include "compressor/stages/export_model.h"

#include <span>
#include <string>

#include "compressor/io/files.h"
#include "compressor/model_directory/model_directory.h"

namespace halfling {

std::vector<FileBytes> ExportModel(const ModelConfig& config, const PrunedVocabulary& vocabulary,
                                   std::vector<NamedTensor> tensors, const Catalog& catalog) {
  ModelConfig pruned_config = config;
  pruned_config.vocab_size = static_cast<int>(vocabulary.ids.size());

  ModelFileContents contents;
  contents.config_json = ModelConfigToJson(pruned_config);
  contents.prompt = vocabulary.prompt;
  contents.codes = vocabulary.codes;
  for (const CatalogItem& item : catalog.items()) contents.popularity.push_back(item.popularity);
  contents.vocabulary_ids = vocabulary.ids;
  contents.tensors = std::move(tensors);
  std::vector<FileBytes> files = WriteModelFile(contents);

  const std::string catalog_json = CatalogToJson(catalog);
  const auto catalog_bytes = std::as_bytes(std::span(catalog_json));
  files.push_back({kCatalogFile, {catalog_bytes.begin(), catalog_bytes.end()}});
  return files;
}

std::vector<ManifestFile> ListFiles(const std::vector<FileBytes>& files) {
  std::vector<ManifestFile> listed;
  for (const FileBytes& file : files) {
    listed.push_back({file.name, static_cast<int64_t>(file.bytes.size()), Sha256Hex(file.bytes)});
  }
  return listed;
}

}  // namespace halfling
