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

constexpr size_t kMostTabulated = size_t{1} << 22;  // floats: 16 MiB
constexpr size_t kTabulatedAtOnce = 64;             // tokens

// One layer over new slots, from first_slot on: what every step needs to see.
struct LayerPass {
  const ModelConfig& config;
  const LayerWeights& weights;
  const RopeTable& rope;
  int layer;
  KvCache& cache;
  int first_slot;
  TransformerScratch& scratch;  // a row for each of these slots
};

// Normalizes (Qwen3) and rotates the heads of the token in `slot`, in place.
void PlaceHeads(const LayerPass& pass, int slot, std::span<const float> norm,
                std::span<float> heads) {
  if (pass.config.qk_norm) {
    RmsNormHeads(norm, static_cast<float>(pass.config.rms_norm_eps), heads);
  }
  // The scores' buffer is free until attention begins.
  pass.rope.Rotate(pass.cache.position(slot), heads, pass.scratch.scores);
}

// Of the new tokens.
void StoreKeysAndValues(const LayerPass& pass) {
  for (size_t t = 0; t < pass.scratch.key.rows(); ++t) {
    const int slot = pass.first_slot + static_cast<int>(t);
    const std::span<float> key = pass.scratch.key.row(t);
    const std::span<const float> value = std::as_const(pass.scratch.value).row(t);
    PlaceHeads(pass, slot, pass.weights.key_norm, key);
    std::copy(key.begin(), key.end(), pass.cache.key(pass.layer, slot).begin());
    std::copy(value.begin(), value.end(), pass.cache.value(pass.layer, slot).begin());
  }
}

void PlaceQueries(const LayerPass& pass) {
  for (size_t t = 0; t < pass.scratch.query.rows(); ++t) {
    PlaceHeads(pass, pass.first_slot + static_cast<int>(t), pass.weights.query_norm,
               pass.scratch.query.row(t));
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

void AttendNewTokens(const LayerPass& pass) {
  TransformerScratch& scratch = pass.scratch;
  const AttentionShape shape = {.num_heads = static_cast<size_t>(pass.config.num_heads),
                                .num_kv_heads = static_cast<size_t>(pass.config.num_kv_heads),
                                .head_dim = static_cast<size_t>(pass.config.head_dim)};
  scratch.attended.Resize(scratch.query.rows(), scratch.query.cols());
  for (size_t t = 0; t < scratch.query.rows(); ++t) {
    Attend(shape, scratch.query.row(t), VisibleFrom(pass, pass.first_slot + static_cast<int>(t)),
           scratch.scores, scratch.attended.row(t));
  }
}

void KeepLastRows(Matrix& matrix, size_t rows) {
  const auto values = matrix.values();
  std::copy(values.end() - static_cast<std::ptrdiff_t>(rows * matrix.cols()), values.end(),
            values.begin());
  matrix.Resize(rows, matrix.cols());
}

// hidden += projected
void AddProjected(TransformerScratch& scratch) {
  const std::span<float> hidden = scratch.hidden.values();
  const std::span<const float> projected = scratch.projected.values();
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] += projected[i];
}

}  // namespace

Transformer::Transformer(ModelConfig config, ModelWeights weights)
    : config_(config),
      weights_(std::move(weights)),
      rope_(config_.head_dim, config_.rope_theta, config_.rope_scaling, config_.max_positions) {}

Result<Transformer> Transformer::Create(ModelConfig config, ModelWeights weights) {
  HALFLING_RETURN_IF_ERROR(CheckWeights(config, weights));
  Transformer transformer(config, std::move(weights));
  transformer.TabulateFirstLayer();
  return transformer;
}

Result<Transformer> Transformer::CreateWithoutLayers(ModelConfig config, ModelWeights weights) {
  HALFLING_RETURN_IF_ERROR(CheckOuterWeights(config, weights));
  weights.layers.resize(static_cast<size_t>(config.num_layers));
  return Transformer(config, std::move(weights));
}

void Transformer::TabulateFirstLayer() {
  const size_t num_tokens = weights_.embedding.rows();
  const LayerWeights& layer = weights_.layers.front();
  const size_t query_dim = layer.linear(LinearKind::kQuery).out_dim();
  const size_t key_dim = layer.linear(LinearKind::kKey).out_dim();
  const size_t width = query_dim + 2 * key_dim;
  if (config_.num_layers < 2 || num_tokens * width > kMostTabulated) return;
  Matrix table(num_tokens, width);
  KvCache cache(config_);
  TransformerScratch scratch;
  for (size_t begin = 0; begin < num_tokens; begin += kTabulatedAtOnce) {
    const size_t count = std::min(kTabulatedAtOnce, num_tokens - begin);
    scratch.hidden.Resize(count, weights_.embedding.cols());
    for (size_t t = 0; t < count; ++t) {
      std::ranges::copy(weights_.embedding.row(begin + t), scratch.hidden.row(t).begin());
    }
    PrepareGroup(0, InputGroup::kAttention, cache, 0, scratch);
    ApplyGroup(0, InputGroup::kAttention, scratch);
    for (size_t t = 0; t < count; ++t) {
      auto to = table.row(begin + t).begin();
      for (const Matrix* part : {&scratch.query, &scratch.key, &scratch.value}) {
        to = std::ranges::copy(part->row(t), to).out;
      }
    }
  }
  first_layer_of_token_ = std::move(table);
}

// The queries, keys and values of the first layer, from the table.
void Transformer::LookUpAttentionInputs(const KvCache& cache, const TokenShare& share) const {
  const LayerWeights& weights = weights_.layers.front();
  TransformerScratch& scratch = *share.scratch;
  const auto count = static_cast<size_t>(share.num_tokens);
  scratch.query.Resize(count, weights.linear(LinearKind::kQuery).out_dim());
  scratch.key.Resize(count, weights.linear(LinearKind::kKey).out_dim());
  scratch.value.Resize(count, scratch.key.cols());
  for (size_t t = 0; t < count; ++t) {
    const int token = cache.token(share.first_slot + static_cast<int>(t));
    const auto row = first_layer_of_token_.row(static_cast<size_t>(token));
    auto from = row.begin();
    for (Matrix* part : {&scratch.query, &scratch.key, &scratch.value}) {
      const auto end = from + static_cast<std::ptrdiff_t>(part->cols());
      std::copy(from, end, part->row(t).begin());
      from = end;
    }
  }
}

void Transformer::Forward(KvCache& cache, int first_slot, TransformerScratch& scratch) const {
  Forward(cache, first_slot, cache.num_slots() - first_slot, scratch);
}

void Transformer::Forward(KvCache& cache, int first_slot, int num_outputs,
                          TransformerScratch& scratch) const {
  const int num_tokens = cache.num_slots() - first_slot;
  assert(num_outputs >= 1 && num_outputs <= num_tokens);
  const TokenShare whole = {first_slot, num_tokens, num_outputs, &scratch};
  const size_t num_shares = NumShares(whole);
  if (num_shares == 1) return RunLayers({&whole, 1}, cache, nullptr);

  const std::vector<TokenShare> shares =
      DivideTokens(whole, num_shares, config_, weights_.layers.front(), cache);
  RunLayers(shares, cache, scratch.threads);

  scratch.hidden.Resize(static_cast<size_t>(num_outputs), weights_.embedding.cols());
  auto to = scratch.hidden.values().begin();
  for (const TokenShare& share : shares) {
    if (share.num_outputs > 0) to = std::ranges::copy(share.scratch->hidden.values(), to).out;
  }
}

// Tokens see each other only in attention, by the keys and values in the cache. So all shares begin
// a layer before one finishes it, and else run alone, from one layer's attention to the next's.
void Transformer::RunLayers(std::span<const TokenShare> shares, KvCache& cache,
                            ThreadPool* threads) const {
  const auto for_each = [threads](std::span<const TokenShare> chosen, const auto& run) {
    if (chosen.size() == 1) return run(chosen.front());
    threads->Run(chosen.size(), [&](size_t i) { run(chosen[i]); });
  };
  for_each(shares, [&](const TokenShare& share) {
    EmbedShare(cache, share);
    BeginLayer(0, cache, share);
  });
  const int last = config_.num_layers - 1;
  for (int layer = 0; layer < last; ++layer) {
    for_each(shares, [&](const TokenShare& share) {
      FinishLayer(layer, cache, share);
      BeginLayer(layer + 1, cache, share);
    });
  }
  const auto first = std::ranges::find_if(
      shares, [](const TokenShare& share) { return share.num_outputs > 0; });
  for_each({first, shares.end()}, [&](const TokenShare& share) { FinishLayer(last, cache, share); });
}

// Up to the keys and values, which it stores, and the queries.
void Transformer::BeginLayer(int layer, KvCache& cache, const TokenShare& share) const {
  if (layer == config_.num_layers - 1) return BeginLastLayer(cache, share);
  if (layer == 0 && first_layer_of_token_.rows() > 0) {
    LookUpAttentionInputs(cache, share);
  } else {
    PrepareGroup(layer, InputGroup::kAttention, cache, share.first_slot, *share.scratch);
    ApplyGroup(layer, InputGroup::kAttention, *share.scratch);
  }
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  StoreKeysAndValues({config_, weights, rope_, layer, cache, share.first_slot, *share.scratch});
}

// Only keys and values are needed of tokens that give no output.
void Transformer::BeginLastLayer(KvCache& cache, const TokenShare& share) const {
  const int layer = config_.num_layers - 1;
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  TransformerScratch& scratch = *share.scratch;
  PrepareGroup(layer, InputGroup::kAttention, cache, share.first_slot, scratch);
  LinearInput normed(scratch.normed, scratch.linear.x);
  weights.linear(LinearKind::kKey).Apply(normed, scratch.key, scratch.linear);
  weights.linear(LinearKind::kValue).Apply(normed, scratch.value, scratch.linear);
  StoreKeysAndValues({config_, weights, rope_, layer, cache, share.first_slot, scratch});
  if (share.num_outputs == 0) return;

  KeepLastRows(scratch.hidden, static_cast<size_t>(share.num_outputs));
  KeepLastRows(scratch.normed, static_cast<size_t>(share.num_outputs));
  weights.linear(LinearKind::kQuery).Apply(scratch.normed, scratch.query, scratch.linear);
}

// From attention on: of the last layer, for the tokens that give an output.
void Transformer::FinishLayer(int layer, KvCache& cache, const TokenShare& share) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  TransformerScratch& scratch = *share.scratch;
  const int end_slot = share.first_slot + share.num_tokens;
  const int first_slot = end_slot - static_cast<int>(scratch.hidden.rows());
  const LayerPass pass = {config_, weights, rope_, layer, cache, first_slot, scratch};
  PlaceQueries(pass);
  AttendNewTokens(pass);
  ApplyGroup(layer, InputGroup::kAttended, scratch);
  for (const InputGroup group : {InputGroup::kFeedForward, InputGroup::kGated}) {
    PrepareGroup(layer, group, cache, first_slot, scratch);
    ApplyGroup(layer, group, scratch);
  }
}

void Transformer::Embed(const KvCache& cache, int first_slot, TransformerScratch& scratch) const {
  EmbedShare(cache, {first_slot, cache.num_slots() - first_slot, 0, &scratch});
}

void Transformer::EmbedShare(const KvCache& cache, const TokenShare& share) const {
  Matrix& hidden = share.scratch->hidden;
  hidden.Resize(static_cast<size_t>(share.num_tokens), weights_.embedding.cols());
  for (size_t t = 0; t < hidden.rows(); ++t) {
    const int token = cache.token(share.first_slot + static_cast<int>(t));
    assert(token >= 0 && token < config_.vocab_size);
    const std::span<const float> row = weights_.embedding.row(static_cast<size_t>(token));
    std::copy(row.begin(), row.end(), hidden.row(t).begin());
  }
}

void Transformer::PrepareGroup(int layer, InputGroup group, KvCache& cache, int first_slot,
                               TransformerScratch& scratch) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  const float epsilon = static_cast<float>(config_.rms_norm_eps);
  switch (group) {
    case InputGroup::kAttention:
      RmsNormRows(scratch.hidden, weights.attention_norm, epsilon, scratch.normed);
      break;
    case InputGroup::kAttended: {
      const LayerPass pass = {config_, weights, rope_, layer, cache, first_slot, scratch};
      StoreKeysAndValues(pass);
      PlaceQueries(pass);
      AttendNewTokens(pass);
      break;
    }
    case InputGroup::kFeedForward:
      RmsNormRows(scratch.hidden, weights.ffn_norm, epsilon, scratch.normed);
      break;
    case InputGroup::kGated:
      ApplyGate(scratch.gate, scratch.up);
      break;
  }
}

void Transformer::ApplyGroup(int layer, InputGroup group, TransformerScratch& scratch) const {
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  LinearInput input(scratch.input(group), scratch.linear.x);
  const auto run = [&](LinearKind kind, Matrix& y) {
    weights.linear(kind).Apply(input, y, scratch.linear);
  };
  switch (group) {
    case InputGroup::kAttention:
      run(LinearKind::kQuery, scratch.query);
      run(LinearKind::kKey, scratch.key);
      run(LinearKind::kValue, scratch.value);
      break;
    case InputGroup::kAttended:
      run(LinearKind::kOutput, scratch.projected);
      AddProjected(scratch);
      break;
    case InputGroup::kFeedForward:
      run(LinearKind::kGate, scratch.gate);
      run(LinearKind::kUp, scratch.up);
      break;
    case InputGroup::kGated:
      run(LinearKind::kDown, scratch.projected);
      AddProjected(scratch);
      break;
  }
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
