#include "tests/compressor/tiny_transformer.h"

#include <stdexcept>

#include "engine/model_file/model_file.h"

namespace halfling::testing {

Transformer MakeTransformer(const TinyModelOptions& options) {
  const auto file = ModelFile::Read(TinyModelShards(options));
  if (!file) throw std::runtime_error(file.error().message);
  const auto config = ParseModelConfig(file->config_json(), "tiny model");
  if (!config) throw std::runtime_error(config.error().message);
  auto weights = LoadWeights(*config, *file);
  if (!weights) throw std::runtime_error(weights.error().message);
  auto transformer = Transformer::Create(*config, *std::move(weights));
  if (!transformer) throw std::runtime_error(transformer.error().message);
  return *std::move(transformer);
}

}  // namespace halfling::testing
