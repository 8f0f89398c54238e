// The forward pass, top to bottom. Configuration, weights and scratch state are three things.
#ifndef HALFLING_ENGINE_MODEL_TRANSFORMER_H_
#define HALFLING_ENGINE_MODEL_TRANSFORMER_H_

#include <memory>
#include <span>
#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/layers/rope.h"
#include "engine/model/config.h"
#include "engine/model/kv_cache.h"
#include "engine/model/scratch.h"
#include "engine/model/token_shares.h"
#include "engine/model/weights.h"

namespace halfling {

// Immutable after Create, so any number of threads may run it, each with its own cache and scratch.
// The compressor is the one writer: mutable_layer() swaps a layer's linears between passes.
class Transformer {
 public:
  // kShapeMismatch when configuration and weights contradict each other.
  static Result<Transformer> Create(ModelConfig config, ModelWeights weights);
  // From everything but the layers, which are empty: each must be set (mutable_layer) before it
  // runs. For a compressor that does not hold them all at once.
  static Result<Transformer> CreateWithoutLayers(ModelConfig config, ModelWeights weights);

  const ModelConfig& config() const { return config_; }
  const ModelWeights& weights() const { return weights_; }
  const RopeTable& rope() const { return rope_; }
  LayerWeights& mutable_layer(int layer) {
    if (layer == 0) first_layer_of_token_ = Matrix();
    return weights_.layers[static_cast<size_t>(layer)];
  }

  // Runs the slots [first_slot, cache.num_slots()), appended before by cache.Append, through all
  // layers, writes their keys and values, and leaves their final hidden states (before the final
  // norm), [new slots, model_dim], in scratch.hidden. Tokens must be below vocab_size (callers
  // check). scratch.threads divide the tokens among them, which changes no bit.
  void Forward(KvCache& cache, int first_slot, TransformerScratch& scratch) const;

  // The same for the cache, but only the last `num_outputs` (at least 1) of the hidden states,
  // [num_outputs, model_dim]: the last layer computes nothing that only the others need. Bit for
  // bit the rows that Forward gives.
  void Forward(KvCache& cache, int first_slot, int num_outputs, TransformerScratch& scratch) const;

  // A layer of the same, in steps: for each InputGroup in order, the first computes what its
  // linears read, scratch.input(group), and the second runs them. In between, calibration may read
  // the input, and may put scratch.hidden and the input aside and bring them back.
  void PrepareGroup(int layer, InputGroup group, KvCache& cache, int first_slot,
                    TransformerScratch& scratch) const;
  void ApplyGroup(int layer, InputGroup group, TransformerScratch& scratch) const;

  // Embedding rows of the slots [first_slot, …) into scratch.hidden: what layer 0 reads.
  void Embed(const KvCache& cache, int first_slot, TransformerScratch& scratch) const;

  // logits[i] = <output row of tokens[i], final_norm(hidden)>; hidden: [model_dim].
  void Logits(std::span<const float> hidden, std::span<const int> tokens,
              std::span<float> logits) const;

 private:
  Transformer(ModelConfig config, ModelWeights weights);

  void TabulateFirstLayer();
  void RunLayers(std::span<const TokenShare> shares, KvCache& cache, ThreadPool* threads) const;
  void BeginLayer(int layer, KvCache& cache, const TokenShare& share) const;
  void BeginLastLayer(KvCache& cache, const TokenShare& share) const;
  void FinishLayer(int layer, KvCache& cache, const TokenShare& share) const;
  void EmbedShare(const KvCache& cache, const TokenShare& share) const;
  void LookUpAttentionInputs(const KvCache& cache, const TokenShare& share) const;

  ModelConfig config_;
  ModelWeights weights_;
  RopeTable rope_;
  // [vocab_size, query, key and value] of layer 0, which depend on the token alone; empty where that
  // would be large, or the layer has changed since.
  Matrix first_layer_of_token_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_TRANSFORMER_H_
