#include "compressor/open_model.h"

#include <memory>
#include <utility>

#include "compressor/model_directory/model_directory.h"

namespace halfling {
namespace {

namespace fs = std::filesystem;

Result<OpenedModel> OpenFromModelDirectory(const fs::path& path) {
  HALFLING_ASSIGN_OR_RETURN(ModelDirectory directory, ReadModelDirectory(path));
  int64_t bytes = 0;
  for (const FileBytes& shard : directory.shards) bytes += static_cast<int64_t>(shard.bytes.size());
  HALFLING_ASSIGN_OR_RETURN(Recommender recommender,
                            Recommender::Load(std::move(directory.shards)));
  const RecommenderModel& model = recommender.model();
  const auto num_items = static_cast<size_t>(model.trie.num_items());
  if (num_items != directory.catalog.items().size()) {
    return Fail(ErrorCode::kInvalidCatalog,
                (path / kCatalogFile).string() +
                    ": items: " + std::to_string(directory.catalog.items().size()) +
                    " of them, expected " + std::to_string(num_items) + " as in the model");
  }
  ModelSize size = CountParameters(model.transformer);
  size.bytes = bytes;
  return OpenedModel{std::move(recommender), std::move(directory.catalog),
                     std::move(directory.manifest), size};
}

Result<OpenedModel> OpenFromCheckpoint(const fs::path& path) {
  HALFLING_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(path));
  HALFLING_ASSIGN_OR_RETURN(Recommender recommender, MakeRecommender(checkpoint));
  ModelSize size = CountParameters(recommender.model().transformer);
  size.bytes = static_cast<int64_t>(checkpoint.tensors.bytes_on_disk());
  return OpenedModel{std::move(recommender), std::move(checkpoint.recommender.catalog),
                     std::nullopt, size};
}

}  // namespace

Result<OpenedModel> OpenModel(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    return Fail(ErrorCode::kIo,
                directory.string() + ": expected a directory, a checkpoint's or a model's");
  }
  return (IsModelDirectory(directory) ? OpenFromModelDirectory(directory)
                                      : OpenFromCheckpoint(directory))
      .map_error(NamingModel(directory));
}

Result<Recommender> MakeRecommender(const Checkpoint& checkpoint) {
  HALFLING_ASSIGN_OR_RETURN(Transformer transformer, LoadTransformer(checkpoint));
  const RecommenderDescription& description = checkpoint.recommender;
  HALFLING_ASSIGN_OR_RETURN(std::shared_ptr<const RecommenderModel> model,
                            MakeRecommenderModel(std::move(transformer), description.prompt,
                                                 description.codes, description.Popularity()));
  return Recommender(std::move(model));
}

ModelSize CountParameters(const Transformer& model) {
  const ModelWeights& weights = model.weights();
  ModelSize size;
  size_t others =
      weights.embedding.values().size() + weights.head.values().size() + weights.final_norm.size();
  size_t linears = 0;
  for (const LayerWeights& layer : weights.layers) {
    others += layer.attention_norm.size() + layer.ffn_norm.size() + layer.query_norm.size() +
              layer.key_norm.size();
    for (const Linear& linear : layer.linears) linears += linear.num_parameters();
  }
  size.linear_parameters = static_cast<int64_t>(linears);
  size.parameters = static_cast<int64_t>(linears + others);
  return size;
}

ModelSize DenseSize(const ModelConfig& config) {
  int64_t linears = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    linears += shape.out_dim * shape.in_dim + (shape.has_bias ? shape.out_dim : 0);
  }
  const int64_t layer_norms =
      2 * int64_t{config.model_dim} + (config.qk_norm ? 2 * int64_t{config.head_dim} : 0);
  const int64_t tables = config.tied_embeddings ? 1 : 2;
  ModelSize size;
  size.linear_parameters = linears * config.num_layers;
  size.parameters = size.linear_parameters + layer_norms * config.num_layers +
                    tables * config.vocab_size * config.model_dim + config.model_dim;
  return size;
}

}  // namespace halfling
