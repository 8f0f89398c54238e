// The one way to a model that runs, from either kind of directory.
#ifndef HALFLING_COMPRESSOR_OPEN_MODEL_H_
#define HALFLING_COMPRESSOR_OPEN_MODEL_H_

#include <filesystem>
#include <optional>
#include <string>

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

// A directory with a manifest.json is a model directory, any other a checkpoint. Errors name it.
Result<OpenedModel> OpenModel(const std::filesystem::path& directory);

// For map_error: the error with the model's directory in its message, since all models have files
// and tensors of the same names.
class NamingModel {
 public:
  explicit NamingModel(const std::filesystem::path& directory) : name_(directory.string()) {}

  Error operator()(Error error) const {
    const bool has_name = error.message.find(name_) != std::string::npos;
    return has_name ? error : Error{error.code, name_ + ": " + error.message};
  }

 private:
  std::string name_;
};

// The checkpoint's own weights, ready to rank.
Result<Recommender> MakeRecommender(const Checkpoint& checkpoint);

// Values in the model's tensors, and in its linear layers; bytes stay 0.
ModelSize CountParameters(const Transformer& model);

// The same of a model whose linears are all dense; bytes stay 0.
ModelSize DenseSize(const ModelConfig& config);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_OPEN_MODEL_H_
