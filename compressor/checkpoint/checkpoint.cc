#include "compressor/checkpoint/checkpoint.h"

#include <algorithm>
#include <string>

#include "compressor/io/files.h"
#include "engine/recommender.h"

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
  size_t longest_code = 0;
  for (const std::vector<int>& code : recommender.codes) {
    longest_code = std::max(longest_code, code.size());
  }
  if (const Status status = CheckPrompt(recommender.prompt, config, longest_code); !status) {
    return Fail(status.error().code, directory.string(), ": ", status.error().message);
  }
  return Checkpoint{std::move(config), std::move(tensors), std::move(recommender)};
}

Result<Transformer> LoadTransformer(const Checkpoint& checkpoint) {
  HALFLING_ASSIGN_OR_RETURN(ModelWeights weights,
                            LoadWeights(checkpoint.config, checkpoint.tensors));
  return Transformer::Create(checkpoint.config, std::move(weights));
}

}  // namespace halfling
