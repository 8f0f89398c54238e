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
#include "engine/base/thread_pool.h"
#include "engine/base/token_lists.h"
#include "engine/model/transformer.h"
#include "engine/model_file/model_file.h"
#include "engine/search/best_items.h"
#include "engine/search/item_trie.h"

namespace halfling {

inline constexpr int kMaxHistoryItems = 10'000;
inline constexpr int kMaxBeamWidth = 1'000;
inline constexpr int kMaxProofNodes = 100'000;
inline constexpr float kMaxBoost = 1e6f;

// A model with its catalogue. Immutable: any number of recommenders on any threads share one.
struct RecommenderModel {
  Transformer transformer;
  PromptTemplate prompt;
  ItemTrie trie;
};

// Prompt tokens within the vocabulary and the longest prompt and code within max_positions,
// max_history within 1 … kMaxHistoryItems (kInvalidConfig), activations that memory can hold
// (kTooLarge).
Status CheckPrompt(const PromptTemplate& prompt, const ModelConfig& config, size_t longest_code);

// Checks what the parts promise each other: CheckPrompt, codes and popularity (kInvalidCatalog,
// kEmptyCatalog).
Result<std::shared_ptr<const RecommenderModel>> MakeRecommenderModel(
    Transformer transformer, PromptTemplate prompt, const TokenLists& codes,
    std::span<const int> popularity);

enum class SearchMethod {
  kExact,  // the true best of all allowed items, proven (unless max_proof_nodes ends it)
  kBeam,   // at a cost that is known beforehand
};

struct RecommendRequest {
  std::vector<int> history;  // item indices, oldest first; 1 … kMaxHistoryItems of them
  int limit = 10;            // 1 … kMaxBeamWidth
  SearchMethod search = SearchMethod::kExact;
  int beam_width = 20;        // of kBeam: 1 … kMaxBeamWidth, raised to `limit` when lower
  int max_proof_nodes = 500;  // of kExact: tokens to run before the proof is given up, beyond those
                              // that find the first `limit` items; 1 … kMaxProofNodes
  std::vector<int> exclude;   // item indices that must not be returned
  std::optional<std::vector<int>> allow;  // if set, only these may be
  bool exclude_seen = true;               // whether the history's items are excluded (all of them,
                                          // also those that max_history drops from the prompt)
  // [num_items] What to add to the items' log-probabilities, each within ±kMaxBoost, 0 for neutral;
  // empty for none. Added in float: a boost of thousands blurs what the model itself says.
  std::vector<float> boosts;
};

// How a call went.
struct SearchStats {
  bool exact = false;  // the search's items are proven to be the best of all allowed ones
  int nodes_run = 0;   // tokens that the search ran beyond the prompt
  int batches = 0;     // in that many forward passes
  int prompt_tokens = 0;
  int reused_tokens = 0;  // of the prompt, taken from the session's cache

  int tokens_run() const { return prompt_tokens - reused_tokens + nodes_run; }
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

  // Of one thread.
  Recommender Fork() const { return Recommender(model_); }

  // Shares each call among `threads` threads from now on, the caller's among them; at most
  // ThreadPool::kMostThreads, in builds without threads one. No answer depends on it. Throws where
  // ThreadPool does.
  void UseThreads(int threads);
  int threads() const { return threads_ ? static_cast<int>(threads_->threads()) : 1; }

  // kEmptyHistory, kHistoryTooLong, kUnknownItem, kInvalidRequest: the request is at fault.
  // kNonFiniteWeight: the model's weights, though finite, overflow on this history. Either way the
  // recommender stays usable. An `allow` that leaves nothing gives an empty result. Items in
  // falling score, which is log_probability + boost; equal ones in the order of BestItems.
  Result<std::vector<ScoredItem>> Recommend(const RecommendRequest& request);

  // The exact log-probabilities of `items`, [items.size()]; repeats are welcome. They share the
  // prompt and what their codes have in common, and what remains is run in few large batches.
  //
  // After a history that begins as the last call's did, the common part of the prompt is reused. To
  // score under each history that lacks one entry, leave out the last one first, then the one
  // before it, and so on: then each call runs only what follows the gap, half of the prompts'
  // tokens in all. LeaveOneOut does so. (From the first entry on, each call would run one entry
  // more.)
  Result<std::vector<float>> ScoreItems(const std::vector<int>& history,
                                        const std::vector<int>& items);

  // What each entry of a history contributes to an item: its log-probability after the history
  // without that entry, [history.size()]. Only the last max_history entries count at all, here too:
  // none moves up from before them, so without an older one it is that of the whole history.
  // kEmptyHistory unless there are at least two, else errors as ScoreItems has them.
  Result<std::vector<float>> LeaveOneOut(const std::vector<int>& history, int item);

  // For each token of the item's code the logits of all tokens that the trie allows there, in the
  // order of the trie's children: what comparing two models' distributions needs. Costs little
  // right after Recommend with the same history, whose prompt it reuses. kUnknownItem for an `item`
  // outside the catalogue, else errors as Recommend has them.
  Result<std::vector<std::vector<float>>> CodeLogits(const std::vector<int>& history, int item);

  const RecommenderModel& model() const { return *model_; }
  // Of the last call; what the search fills in, after Recommend alone.
  const SearchStats& stats() const { return stats_; }

 private:
  // Leaves the prompt, and nothing else, in the cache.
  void RunPrompt(std::span<const int> history);

  std::shared_ptr<const RecommenderModel> model_;
  std::unique_ptr<ThreadPool> threads_;  // none: the caller's alone
  KvCache cache_;
  TransformerScratch scratch_;
  std::vector<float> prompt_hidden_;  // [model_dim], after the prompt's last token
  SearchStats stats_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_RECOMMENDER_H_
