// The façade: bytes in, ranked items out. What the browser bindings and the compressor call.
#ifndef HALFLING_ENGINE_RECOMMENDER_H_
#define HALFLING_ENGINE_RECOMMENDER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/model/transformer.h"
#include "engine/model_file/model_file.h"
#include "engine/search/beam_search.h"
#include "engine/search/item_trie.h"

namespace halfling {

inline constexpr int kMaxHistoryItems = 10'000;
inline constexpr int kMaxBeamWidth = 1'000;

// A model with its catalogue. Immutable: any number of recommenders on any threads share one.
struct RecommenderModel {
  Transformer transformer;
  PromptTemplate prompt;
  std::vector<std::vector<int>> codes;  // [num_items][code length]
  ItemTrie trie;
};

// Checks what the parts promise each other: prompt tokens within the vocabulary and the longest
// prompt and code within max_positions, max_history within 1 … kMaxHistoryItems (kInvalidConfig),
// activations that memory can hold (kTooLarge), codes and popularity (kInvalidCatalog,
// kEmptyCatalog).
Result<std::shared_ptr<const RecommenderModel>> MakeRecommenderModel(
    Transformer transformer, PromptTemplate prompt, std::vector<std::vector<int>> codes,
    std::span<const int> popularity);

struct RecommendRequest {
  std::vector<int> history;  // item indices, oldest first; 1 … kMaxHistoryItems of them
  int limit = 10;            // 1 … kMaxBeamWidth
  int beam_width = 20;       // 1 … kMaxBeamWidth, raised to `limit` when lower
  std::vector<int> exclude;  // item indices that must not be returned
  std::optional<std::vector<int>> allow;  // if set, only these may be
  bool exclude_seen = true;               // whether the history's items are excluded (all of them,
                                          // also those that max_history drops from the prompt)
};

// Ranks the catalogue after a history. Keeps the keys and values of the last prompt, so that a
// request that shares its beginning with the one before runs only what is new; the answers do not
// depend on that. Not thread-safe; Fork() gives another thread its own session on the same model.
class Recommender {
 public:
  // From the shards of a model directory. Any error of SortShards, SafetensorsFile, ModelFile, the
  // configuration, the weights or MakeRecommenderModel.
  static Result<Recommender> Load(std::vector<FileBytes> shards);
  explicit Recommender(std::shared_ptr<const RecommenderModel> model);

  Recommender Fork() const { return Recommender(model_); }

  // kEmptyHistory, kHistoryTooLong, kUnknownItem, kInvalidRequest: the request is at fault.
  // kNonFiniteWeight: the model's weights, though finite, overflow on this history. Either way the
  // recommender stays usable. An `allow` that leaves nothing gives an empty result.
  Result<std::vector<ScoredItem>> Recommend(const RecommendRequest& request);

  // The exact score of every item, token by token along its code: the definition that the search is
  // tested against. [num_items] Errors as Recommend has them.
  Result<std::vector<float>> ScoreAll(const std::vector<int>& history);

  // For each token of the item's code the logits of all tokens that the trie allows there, in the
  // order of the trie's children: what comparing two models' distributions needs. Costs little
  // right after Recommend with the same history, whose prompt it reuses. kUnknownItem for an `item`
  // outside the catalogue, else errors as Recommend has them.
  Result<std::vector<std::vector<float>>> CodeLogits(const std::vector<int>& history, int item);

  const RecommenderModel& model() const { return *model_; }
  // Tokens of the last prompt that were taken from the session's cache.
  int reused_tokens() const { return reused_tokens_; }

 private:
  std::vector<int> BuildPrompt(std::span<const int> history) const;
  void RunPrompt(std::span<const int> prompt);

  std::shared_ptr<const RecommenderModel> model_;
  KvCache cache_;
  TransformerScratch scratch_;
  std::vector<float> prompt_hidden_;  // [model_dim], after the prompt's last token
  int reused_tokens_ = 0;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_RECOMMENDER_H_
