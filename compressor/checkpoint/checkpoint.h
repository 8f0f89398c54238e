// A trained model as `transformers` saves it, with the recommender.json beside it.
#ifndef HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_H_
#define HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_H_

#include <filesystem>

#include "compressor/checkpoint/checkpoint_tensors.h"
#include "compressor/checkpoint/recommender_json.h"
#include "engine/model/config.h"
#include "engine/model/transformer.h"

namespace halfling {

struct Checkpoint {
  ModelConfig config;
  CheckpointTensors tensors;
  RecommenderDescription recommender;
};

// Reads config.json, the weights' headers and recommender.json, and checks that the model has room
// for the prompt. Every error names the file or the directory, the field and what was expected.
Result<Checkpoint> OpenCheckpoint(const std::filesystem::path& directory);

// Loads the weights into a model that runs.
Result<Transformer> LoadTransformer(const Checkpoint& checkpoint);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_CHECKPOINT_CHECKPOINT_H_
