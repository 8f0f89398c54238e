// Stage 6: the files of a model directory, in memory. model_directory.h writes them to disk.
#ifndef HALFLING_COMPRESSOR_STAGES_EXPORT_MODEL_H_
#define HALFLING_COMPRESSOR_STAGES_EXPORT_MODEL_H_

#include <vector>

#include "compressor/catalog.h"
#include "compressor/model_directory/manifest.h"
#include "compressor/stages/prune_vocabulary.h"
#include "engine/model/config.h"
#include "engine/model_file/model_file.h"

namespace halfling {

// The shards and catalog.json. `config` is the checkpoint's; its vocab_size becomes that of the
// pruned vocabulary. The same input always gives the same bytes.
std::vector<FileBytes> ExportModel(const ModelConfig& config, const PrunedVocabulary& vocabulary,
                                   std::vector<NamedTensor> tensors, const Catalog& catalog);

// How the manifest lists them.
std::vector<ManifestFile> ListFiles(const std::vector<FileBytes>& files);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_EXPORT_MODEL_H_
