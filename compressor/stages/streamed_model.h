// A model whose layers are in memory only while they are looked at.
#ifndef HALFLING_COMPRESSOR_STAGES_STREAMED_MODEL_H_
#define HALFLING_COMPRESSOR_STAGES_STREAMED_MODEL_H_

#include <functional>
#include <utility>

#include "engine/model/transformer.h"

namespace halfling {

class StreamedModel {
 public:
  using LayerLoader = std::function<Result<LayerWeights>(int layer)>;

  // `transformer` is without layers (Transformer::CreateWithoutLayers).
  StreamedModel(Transformer transformer, LayerLoader load)
      : transformer_(std::move(transformer)), load_(std::move(load)) {}

  // Runs only the layers that are loaded.
  const Transformer& transformer() const { return transformer_; }
  const ModelConfig& config() const { return transformer_.config(); }
  const LayerWeights& layer(int layer) const {
    return transformer_.weights().layers[static_cast<size_t>(layer)];
  }
  LayerWeights& mutable_layer(int layer) { return transformer_.mutable_layer(layer); }

  Status Load(int layer) {
    HALFLING_ASSIGN_OR_RETURN(transformer_.mutable_layer(layer), load_(layer));
    return {};
  }
  void Drop(int layer) { transformer_.mutable_layer(layer) = LayerWeights(); }

 private:
  Transformer transformer_;
  LayerLoader load_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_STREAMED_MODEL_H_
