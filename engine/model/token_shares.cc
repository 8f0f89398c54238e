#include "engine/model/token_shares.h"

#include <algorithm>
#include <cstdint>

namespace halfling {
namespace {

// What a layer's matrices cost a token, measured in tokens that it attends to, each of which costs
// two products for every number of a query, in short rows at about a third of the matrices' rate.
uint64_t MatrixCost(const LayerWeights& layer) {
  uint64_t parameters = 0;
  for (const Linear& linear : layer.linears) parameters += linear.num_parameters();
  return parameters / (3 * 2 * layer.linear(LinearKind::kQuery).out_dim());
}

void Reserve(size_t tokens, const ModelConfig& config, size_t slots, TransformerScratch& scratch) {
  const auto head_dim = static_cast<size_t>(config.head_dim);
  const auto widest =
      std::max({static_cast<size_t>(config.model_dim), static_cast<size_t>(config.ffn_dim),
                static_cast<size_t>(config.num_heads) * head_dim});
  for (Matrix* matrix : {&scratch.hidden, &scratch.normed, &scratch.query, &scratch.key,
                         &scratch.value, &scratch.attended, &scratch.gate, &scratch.up,
                         &scratch.projected, &scratch.linear.inner, &scratch.linear.others}) {
    matrix->Resize(tokens, widest);
  }
  for (kernels::QuantizedRows* rows :
       {&scratch.linear.x, &scratch.linear.inside, &scratch.linear.pairs}) {
    rows->values.reserve(tokens * (widest + 3));  // padded to fours
    rows->scales.reserve(tokens);
    rows->sums.reserve(tokens);
  }
  scratch.scores.reserve(std::max(slots, head_dim));
  scratch.branch.reserve(slots);
}

}  // namespace

std::vector<TokenShare> DivideTokens(const TokenShare& whole, size_t num_shares,
                                     const ModelConfig& config, const LayerWeights& layer,
                                     const KvCache& cache) {
  const uint64_t matrices = MatrixCost(layer);
  const auto cost_of = [&](int token) {
    return matrices + static_cast<uint64_t>(cache.position(whole.first_slot + token)) + 1;
  };
  uint64_t total = 0;
  for (int token = 0; token < whole.num_tokens; ++token) total += cost_of(token);

  std::vector<TransformerScratch>& scratches = whole.scratch->shares;
  if (scratches.size() < num_shares) scratches.resize(num_shares);
  std::vector<TokenShare> shares;
  uint64_t cost = 0;
  int end = 0;
  for (size_t i = 0; i < num_shares; ++i) {
    const int begin = end;
    while (end < whole.num_tokens && cost * num_shares < total * (i + 1)) cost += cost_of(end++);
    const int count = end - begin;
    const int outputs = whole.num_outputs - (whole.num_tokens - end);  // without those further on
    shares.push_back(
        {whole.first_slot + begin, count, std::clamp(outputs, 0, count), &scratches[i]});
    Reserve(static_cast<size_t>(count), config, static_cast<size_t>(cache.num_slots()),
            scratches[i]);
  }
  return shares;
}

}  // namespace halfling
