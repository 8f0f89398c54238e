#include "engine/model/transformer.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/kernels/kernels.h"
#include "engine/layers/attention.h"
#include "engine/layers/feed_forward.h"
#include "engine/layers/rms_norm.h"

namespace halfling {
namespace {

// One layer over the new slots: what every step needs to see.
struct LayerPass {
  const ModelConfig& config;
  const LayerWeights& weights;
  const RopeTable& rope;
  int layer;
  KvCache& cache;
  int first_slot;
  TransformerScratch& scratch;
  LinearObserver* observer;

  int num_tokens() const { return cache.num_slots() - first_slot; }

  void RunLinear(LinearKind kind, const Matrix& x, Matrix& y) const {
    if (observer != nullptr) observer->OnLinearInput(layer, kind, x);
    weights.linear(kind).Apply(x, y, scratch.low_rank);
  }

  // hidden += projected
  void AddProjected() const {
    const std::span<float> hidden = scratch.hidden.values();
    const std::span<const float> projected = scratch.projected.values();
    for (size_t i = 0; i < hidden.size(); ++i) hidden[i] += projected[i];
  }
};

// Normalizes (Qwen3) and rotates the new queries and keys; stores keys and values in the cache.
void PlaceInCache(const LayerPass& pass) {
  const float epsilon = static_cast<float>(pass.config.rms_norm_eps);
  for (int t = 0; t < pass.num_tokens(); ++t) {
    const int slot = pass.first_slot + t;
    const std::span<float> query = pass.scratch.query.row(static_cast<size_t>(t));
    const std::span<float> key = pass.scratch.key.row(static_cast<size_t>(t));
    const std::span<float> value = pass.scratch.value.row(static_cast<size_t>(t));
    if (pass.config.qk_norm) {
      RmsNormHeads(pass.weights.query_norm, epsilon, query);
      RmsNormHeads(pass.weights.key_norm, epsilon, key);
    }
    const int position = pass.cache.position(slot);
    // The scores' buffer is free until attention begins.
    pass.rope.Rotate(position, query, pass.scratch.scores);
    pass.rope.Rotate(position, key, pass.scratch.scores);
    std::copy(key.begin(), key.end(), pass.cache.key(pass.layer, slot).begin());
    std::copy(value.begin(), value.end(), pass.cache.value(pass.layer, slot).begin());
  }
}

// The slots that `slot` attends to in this layer, itself included.
VisibleTokens VisibleFrom(const LayerPass& pass, int slot) {
  std::vector<int>& branch = pass.scratch.branch;
  pass.cache.BranchOf(slot, branch);
  const int position = pass.cache.position(slot);
  const int trunk_end = position + 1 - static_cast<int>(branch.size());
  int oldest = 0;  // the first position within the window
  if (pass.config.sliding_window > 0 && pass.layer >= pass.config.first_sliding_layer) {
    oldest = std::max(0, position + 1 - pass.config.sliding_window);
  }
  const int hidden_branch = std::max(0, oldest - trunk_end);
  return {.keys = pass.cache.key(pass.layer, 0).data(),
          .values = pass.cache.value(pass.layer, 0).data(),
          .trunk_begin = static_cast<size_t>(std::min(oldest, trunk_end)),
          .trunk_end = static_cast<size_t>(trunk_end),
          .branch = std::span<const int>(branch).subspan(static_cast<size_t>(hidden_branch))};
}

void RunAttention(const LayerPass& pass) {
  TransformerScratch& scratch = pass.scratch;
  const AttentionShape shape = {.num_heads = static_cast<size_t>(pass.config.num_heads),
                                .num_kv_heads = static_cast<size_t>(pass.config.num_kv_heads),
                                .head_dim = static_cast<size_t>(pass.config.head_dim)};
  RmsNormRows(scratch.hidden, pass.weights.attention_norm,
              static_cast<float>(pass.config.rms_norm_eps), scratch.normed);
  pass.RunLinear(LinearKind::kQuery, scratch.normed, scratch.query);
  pass.RunLinear(LinearKind::kKey, scratch.normed, scratch.key);
  pass.RunLinear(LinearKind::kValue, scratch.normed, scratch.value);
  PlaceInCache(pass);
  scratch.attended.Resize(scratch.query.rows(), scratch.query.cols());
  for (int t = 0; t < pass.num_tokens(); ++t) {
    const size_t row = static_cast<size_t>(t);
    Attend(shape, scratch.query.row(row), VisibleFrom(pass, pass.first_slot + t), scratch.scores,
           scratch.attended.row(row));
  }
  pass.RunLinear(LinearKind::kOutput, scratch.attended, scratch.projected);
  pass.AddProjected();
}

void RunFeedForward(const LayerPass& pass) {
  TransformerScratch& scratch = pass.scratch;
  RmsNormRows(scratch.hidden, pass.weights.ffn_norm, static_cast<float>(pass.config.rms_norm_eps),
              scratch.normed);
  pass.RunLinear(LinearKind::kGate, scratch.normed, scratch.gate);
  pass.RunLinear(LinearKind::kUp, scratch.normed, scratch.up);
  ApplyGate(scratch.gate, scratch.up);
  pass.RunLinear(LinearKind::kDown, scratch.gate, scratch.projected);
  pass.AddProjected();
}

}  // namespace

Transformer::Transformer(ModelConfig config, ModelWeights weights)
    : config_(config),
      weights_(std::move(weights)),
      rope_(config_.head_dim, config_.rope_theta, config_.rope_scaling, config_.max_positions) {}

Result<Transformer> Transformer::Create(ModelConfig config, ModelWeights weights) {
  HALFLING_RETURN_IF_ERROR(CheckWeights(config, weights));
  return Transformer(config, std::move(weights));
}

void Transformer::Forward(KvCache& cache, int first_slot, TransformerScratch& scratch,
                          LinearObserver* observer) const {
  Embed(cache, first_slot, scratch);
  for (int layer = 0; layer < config_.num_layers; ++layer) {
    ForwardLayer(layer, cache, first_slot, scratch, observer);
  }
}

void Transformer::Embed(const KvCache& cache, int first_slot, TransformerScratch& scratch) const {
  const size_t num_tokens = static_cast<size_t>(cache.num_slots() - first_slot);
  scratch.hidden.Resize(num_tokens, weights_.embedding.cols());
  for (size_t t = 0; t < num_tokens; ++t) {
    const int token = cache.token(first_slot + static_cast<int>(t));
    assert(token >= 0 && token < config_.vocab_size);
    const std::span<const float> row = weights_.embedding.row(static_cast<size_t>(token));
    std::copy(row.begin(), row.end(), scratch.hidden.row(t).begin());
  }
}

void Transformer::ForwardLayer(int layer, KvCache& cache, int first_slot,
                               TransformerScratch& scratch, LinearObserver* observer) const {
  const LayerPass pass = {.config = config_,
                          .weights = weights_.layers[static_cast<size_t>(layer)],
                          .rope = rope_,
                          .layer = layer,
                          .cache = cache,
                          .first_slot = first_slot,
                          .scratch = scratch,
                          .observer = observer};
  RunAttention(pass);
  RunFeedForward(pass);
}

void Transformer::Logits(std::span<const float> hidden, std::span<const int> tokens,
                         std::span<float> logits) const {
  assert(tokens.size() == logits.size());
  std::vector<float> normed(hidden.size());
  kernels::RmsNorm(hidden, weights_.final_norm, static_cast<float>(config_.rms_norm_eps), normed);
  const Matrix& output = weights_.output_matrix();
  kernels::DotRows(normed, {output.values().data(), output.cols(), tokens.data(), tokens.size()},
                   logits);
}

}  // namespace halfling
