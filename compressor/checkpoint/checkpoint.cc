#include "compressor/checkpoint/checkpoint.h"

#include <string>

#include "compressor/io/files.h"

namespace halfling {

Result<Checkpoint> OpenCheckpoint(const std::filesystem::path& directory) {
  const std::filesystem::path config_path = directory / "config.json";
  HALFLING_ASSIGN_OR_RETURN(const std::string config_text, ReadTextFile(config_path));
  HALFLING_ASSIGN_OR_RETURN(ModelConfig config,
                            ParseModelConfig(config_text, config_path.string()));
  HALFLING_ASSIGN_OR_RETURN(CheckpointTensors tensors, CheckpointTensors::Open(directory));

  const std::filesystem::path recommender_path = directory / "recommender.json";
  HALFLING_ASSIGN_OR_RETURN(const std::string recommender_text, ReadTextFile(recommender_path));
  HALFLING_ASSIGN_OR_RETURN(
      RecommenderDescription recommender,
      ParseRecommenderJson(recommender_text, config.vocab_size, recommender_path.string()));
  return Checkpoint{std::move(config), std::move(tensors), std::move(recommender)};
}

Result<Transformer> LoadTransformer(const Checkpoint& checkpoint) {
  HALFLING_ASSIGN_OR_RETURN(ModelWeights weights,
                            LoadWeights(checkpoint.config, checkpoint.tensors));
  return Transformer::Create(checkpoint.config, std::move(weights));
}

}  // namespace halfling
