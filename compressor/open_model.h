// The one way to a model that runs, from either kind of directory.
#ifndef HALFLING_COMPRESSOR_OPEN_MODEL_H_
#define HALFLING_COMPRESSOR_OPEN_MODEL_H_

#include <filesystem>
#include <optional>

#include "compressor/catalog.h"
#include "compressor/checkpoint/checkpoint.h"
#include "compressor/model_directory/manifest.h"
#include "engine/recommender.h"

namespace halfling {

struct OpenedModel {
  Recommender recommender;
  Catalog catalog;
  std::optional<Manifest> manifest;  // of a model directory; a checkpoint has none
  ModelSize size;
};

// A directory with a manifest.json is a model directory, any other a checkpoint.
Result<OpenedModel> OpenModel(const std::filesystem::path& directory);

// The checkpoint's own weights, ready to rank.
Result<Recommender> MakeRecommender(const Checkpoint& checkpoint);

// Values in the model's tensors, and in its linear layers; bytes stay 0.
ModelSize CountParameters(const Transformer& model);

// The same of a model whose linears are all dense; bytes stay 0.
ModelSize DenseSize(const ModelConfig& config);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_OPEN_MODEL_H_
