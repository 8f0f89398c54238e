#include "engine/recommender.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>

#include "engine/search/beam_search.h"
#include "engine/search/exact_search.h"
#include "engine/search/item_boosts.h"
#include "engine/search/item_filter.h"
#include "engine/search/logits_source.h"
#include "engine/search/score_items.h"

namespace halfling {
namespace {

// What the reader lets through, the search can hold.
static_assert(kMaxCodeTokens == kMaxCodeLength);
static_assert(kMaxPromptItems == kMaxHistoryItems);
static_assert(kMaxCatalogItems <= kMaxTrieItems);

constexpr uint64_t kMaxPromptTokens = 1 << 17;
constexpr size_t kItemsPerBatch = 128;  // of ScoreItems; CheckPrompt counts with kMaxBeamWidth
constexpr uint64_t kMaxActivations = 1 << 28;  // of one matrix: 1 GiB, far below what 32 bits count

Status CheckPromptTokens(const std::vector<int>& tokens, int vocab_size, const std::string& where) {
  for (const int token : tokens) {
    if (token < 0 || token >= vocab_size) {
      return Fail(ErrorCode::kInvalidConfig, where, ": token ", token,
                  "; expected an id from 0 to ", vocab_size - 1);
    }
  }
  return {};
}

Status CheckItems(std::span<const int> items, int num_items, const std::string& field) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i] < 0 || items[i] >= num_items) {
      return Fail(ErrorCode::kUnknownItem, field, "[", i, "]: item ", items[i],
                  "; expected an index from 0 to ", num_items - 1);
    }
  }
  return {};
}

Status CheckHistory(std::span<const int> history, int num_items) {
  if (history.empty()) {
    return Fail(ErrorCode::kEmptyHistory, "history: no items; expected at least one");
  }
  if (history.size() > static_cast<size_t>(kMaxHistoryItems)) {
    return Fail(ErrorCode::kHistoryTooLong, "history: ", history.size(),
                " items; expected at most ", kMaxHistoryItems);
  }
  return CheckItems(history, num_items, "history");
}

Status CheckRange(int value, int most, const std::string& field) {
  if (value < 1 || value > most) {
    return Fail(ErrorCode::kInvalidRequest, field, ": ", value, "; expected 1 to ", most);
  }
  return {};
}

Status CheckBoosts(std::span<const float> boosts, int num_items) {
  if (!boosts.empty() && boosts.size() != static_cast<size_t>(num_items)) {
    return Fail(ErrorCode::kInvalidRequest, "boosts: ", boosts.size(),
                " numbers; expected one for each of ", num_items, " items, or none");
  }
  const auto bad = std::ranges::find_if_not(
      boosts, [](float boost) { return std::abs(boost) <= kMaxBoost; });  // nor a NaN
  if (bad == boosts.end()) return {};
  return Fail(ErrorCode::kInvalidRequest, "boosts[", bad - boosts.begin(), "]: ", *bad,
              "; expected a number from -1000000 to 1000000 (to exclude an item, use exclude "
              "or allow)");
}

// The transformer as the search sees it: what is run together is one batch, as branches of the
// trunk that the prompt left in the cache. Takes its branches out of the cache in the end.
class TransformerLogits final : public LogitsSource {
 public:
  TransformerLogits(const Transformer& transformer, KvCache& cache, TransformerScratch& scratch,
                    std::span<const float> prompt_hidden)
      : transformer_(transformer),
        cache_(cache),
        scratch_(scratch),
        prompt_hidden_(prompt_hidden),
        prompt_size_(cache.num_slots()) {}
  TransformerLogits(const TransformerLogits&) = delete;
  TransformerLogits& operator=(const TransformerLogits&) = delete;
  ~TransformerLogits() override { cache_.Truncate(prompt_size_); }

  void Extend(std::span<const int> parents, std::span<const int> tokens) override {
    first_slot_ = cache_.num_slots();
    for (size_t i = 0; i < tokens.size(); ++i) cache_.Append(tokens[i], SlotOf(parents[i]));
    transformer_.Forward(cache_, first_slot_, scratch_);
  }

  void Logits(int state, std::span<const int> tokens, std::span<float> logits) override {
    const std::span<const float> hidden =
        state == 0
            ? prompt_hidden_
            : std::as_const(scratch_.hidden).row(static_cast<size_t>(SlotOf(state) - first_slot_));
    transformer_.Logits(hidden, tokens, logits);
  }

 private:
  int SlotOf(int state) const { return prompt_size_ - 1 + state; }

  const Transformer& transformer_;
  KvCache& cache_;
  TransformerScratch& scratch_;
  std::span<const float> prompt_hidden_;
  int prompt_size_;
  int first_slot_ = 0;  // of the last Extend
};

}  // namespace

Status CheckPrompt(const PromptTemplate& prompt, const ModelConfig& config, size_t longest_code) {
  HALFLING_RETURN_IF_ERROR(CheckPromptTokens(prompt.prefix, config.vocab_size, "prompt.prefix"));
  HALFLING_RETURN_IF_ERROR(
      CheckPromptTokens(prompt.separator, config.vocab_size, "prompt.separator"));
  HALFLING_RETURN_IF_ERROR(CheckPromptTokens(prompt.suffix, config.vocab_size, "prompt.suffix"));
  if (prompt.max_history < 1 || prompt.max_history > kMaxHistoryItems) {
    return Fail(ErrorCode::kInvalidConfig, "prompt.max_history: ", prompt.max_history,
                "; expected 1 to ", kMaxHistoryItems);
  }
  // The code of the item that is predicted follows the prompt; its last token is never fed back.
  const auto items = static_cast<uint64_t>(prompt.max_history);
  const uint64_t longest = prompt.prefix.size() + items * longest_code +
                           (items - 1) * prompt.separator.size() + prompt.suffix.size() +
                           longest_code - 1;
  if (longest > static_cast<uint64_t>(config.max_positions)) {
    return Fail(ErrorCode::kInvalidConfig, "max_position_embeddings: ", config.max_positions,
                "; expected at least ", longest, " for a prompt of ", prompt.max_history,
                " items and a code");
  }
  if (longest > kMaxPromptTokens) {
    return Fail(ErrorCode::kTooLarge, "prompt: ", longest, " tokens with a code; expected at most ",
                kMaxPromptTokens);
  }
  const uint64_t tokens = longest + static_cast<uint64_t>(kMaxBeamWidth) * longest_code;
  const auto attended =
      static_cast<uint64_t>(config.num_heads) * static_cast<uint64_t>(config.head_dim);
  const uint64_t widest = std::max(
      {static_cast<uint64_t>(config.model_dim), static_cast<uint64_t>(config.ffn_dim), attended});
  if (tokens * widest > kMaxActivations) {
    return Fail(ErrorCode::kTooLarge, "prompt and beams: ", tokens, " tokens of ", widest,
                " dimensions; expected a product of at most ", kMaxActivations);
  }
  return {};
}

Result<std::shared_ptr<const RecommenderModel>> MakeRecommenderModel(
    Transformer transformer, PromptTemplate prompt, const TokenLists& codes,
    std::span<const int> popularity) {
  if (popularity.size() != codes.size()) {
    return Fail(ErrorCode::kInvalidCatalog, "popularity: ", popularity.size(),
                " counts; expected one for each of ", codes.size(), " items");
  }
  size_t longest_code = 0;
  for (size_t i = 0; i < codes.size(); ++i) longest_code = std::max(longest_code, codes[i].size());
  const ModelConfig& config = transformer.config();
  HALFLING_ASSIGN_OR_RETURN(ItemTrie trie, ItemTrie::Build(codes, popularity, config.vocab_size));
  HALFLING_RETURN_IF_ERROR(CheckPrompt(prompt, config, longest_code));
  return std::make_shared<const RecommenderModel>(
      RecommenderModel{std::move(transformer), std::move(prompt), std::move(trie)});
}

Result<Recommender> Recommender::Load(std::vector<FileBytes> shards) {
  HALFLING_ASSIGN_OR_RETURN(const ModelFile file, ModelFile::Read(std::move(shards)));
  HALFLING_ASSIGN_OR_RETURN(
      ModelConfig config,
      ParseModelConfig(file.config_json(), file.first_shard_name() + ": __metadata__.config"));
  if (file.vocabulary_ids().size() != static_cast<size_t>(config.vocab_size)) {
    return Fail(ErrorCode::kShapeMismatch, kVocabularyTensor, ": ", file.vocabulary_ids().size(),
                " ids; expected as many as vocab_size, ", config.vocab_size);
  }
  HALFLING_ASSIGN_OR_RETURN(ModelWeights weights, LoadWeights(config, file));
  HALFLING_ASSIGN_OR_RETURN(Transformer transformer,
                            Transformer::Create(std::move(config), std::move(weights)));
  HALFLING_ASSIGN_OR_RETURN(
      std::shared_ptr<const RecommenderModel> model,
      MakeRecommenderModel(std::move(transformer), file.prompt(), file.codes(), file.popularity()));
  return Recommender(std::move(model));
}

Recommender::Recommender(std::shared_ptr<const RecommenderModel> model)
    : model_(std::move(model)), cache_(model_->transformer.config()) {}

void Recommender::UseThreads(int threads) {
  const auto most = static_cast<int>(ThreadPool::kMostThreads);
  const auto count = static_cast<size_t>(std::clamp(threads, 1, most));
  threads_ = count == 1 ? nullptr : std::make_unique<ThreadPool>(count);
  scratch_.threads = threads_.get();
}

void Recommender::RunPrompt(std::span<const int> history) {
  const std::vector<int> prompt = model_->prompt.Fill(
      history, [this](int item, std::vector<int>& tokens) { model_->trie.AppendCode(item, tokens); });
  // The last token always runs again: its hidden state is what the search starts from.
  const int reusable = std::min(cache_.num_slots(), static_cast<int>(prompt.size()) - 1);
  int common = 0;
  while (common < reusable && cache_.token(common) == prompt[static_cast<size_t>(common)]) {
    ++common;
  }
  cache_.Truncate(common);
  stats_ = {.prompt_tokens = static_cast<int>(prompt.size()), .reused_tokens = common};
  for (size_t i = static_cast<size_t>(common); i < prompt.size(); ++i) {
    cache_.Append(prompt[i], i == 0 ? kNoParent : static_cast<int>(i) - 1);
  }
  model_->transformer.Forward(cache_, common, 1, scratch_);
  const std::span<const float> last = std::as_const(scratch_.hidden).row(0);
  prompt_hidden_.assign(last.begin(), last.end());
}

Result<std::vector<ScoredItem>> Recommender::Recommend(const RecommendRequest& request) {
  const ItemTrie& trie = model_->trie;
  const int num_items = trie.num_items();
  HALFLING_RETURN_IF_ERROR(CheckHistory(request.history, num_items));
  HALFLING_RETURN_IF_ERROR(CheckRange(request.limit, kMaxBeamWidth, "limit"));
  HALFLING_RETURN_IF_ERROR(CheckRange(request.beam_width, kMaxBeamWidth, "beam_width"));
  HALFLING_RETURN_IF_ERROR(CheckRange(request.max_proof_nodes, kMaxProofNodes, "max_proof_nodes"));
  HALFLING_RETURN_IF_ERROR(CheckItems(request.exclude, num_items, "exclude"));
  HALFLING_RETURN_IF_ERROR(CheckBoosts(request.boosts, num_items));

  ItemFilter filter(trie);
  if (request.allow) {
    HALFLING_RETURN_IF_ERROR(CheckItems(*request.allow, num_items, "allow"));
    filter.AllowOnly(*request.allow);
  }
  filter.Exclude(request.exclude);
  if (request.exclude_seen) filter.Exclude(request.history);
  const ItemBoosts boosts(trie, filter, request.boosts);

  RunPrompt(request.history);
  TransformerLogits source(model_->transformer, cache_, scratch_, prompt_hidden_);
  HALFLING_ASSIGN_OR_RETURN(
      SearchResult found,
      request.search == SearchMethod::kBeam
          ? BeamSearch(trie, filter, boosts, source, {request.beam_width, request.limit})
          : ExactSearch(trie, filter, boosts, source,
                        {.limit = request.limit, .max_proof_nodes = request.max_proof_nodes}));
  stats_.exact = found.exact;
  stats_.nodes_run = found.nodes_run;
  stats_.batches = found.batches;
  return std::move(found.items);
}

Result<std::vector<float>> Recommender::ScoreItems(const std::vector<int>& history,
                                                   const std::vector<int>& items) {
  const ItemTrie& trie = model_->trie;
  HALFLING_RETURN_IF_ERROR(CheckHistory(history, trie.num_items()));
  HALFLING_RETURN_IF_ERROR(CheckItems(items, trie.num_items(), "items"));
  RunPrompt(history);

  // Neighbours in the trie share most of their codes, so they go into one batch.
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return trie.place_of(items[a]) < trie.place_of(items[b]); });
  std::vector<float> scores(items.size());
  std::vector<int> batch;
  for (size_t begin = 0; begin < order.size(); begin += kItemsPerBatch) {
    const size_t end = std::min(begin + kItemsPerBatch, order.size());
    batch.clear();
    for (size_t i = begin; i < end; ++i) batch.push_back(items[order[i]]);
    TransformerLogits source(model_->transformer, cache_, scratch_, prompt_hidden_);
    HALFLING_ASSIGN_OR_RETURN(const std::vector<float> scored,
                              halfling::ScoreItems(trie, batch, source));
    for (size_t i = begin; i < end; ++i) scores[order[i]] = scored[i - begin];
  }
  return scores;
}

Result<std::vector<float>> Recommender::LeaveOneOut(const std::vector<int>& history, int item) {
  const int num_items = model_->trie.num_items();
  HALFLING_RETURN_IF_ERROR(CheckHistory(history, num_items));
  HALFLING_RETURN_IF_ERROR(CheckItems(std::array{item}, num_items, "item"));
  const size_t kept = std::min(history.size(), static_cast<size_t>(model_->prompt.max_history));
  if (kept < 2) {
    return Fail(ErrorCode::kEmptyHistory, "history: ", kept,
                " item in the prompt; expected at least two, so that one can be left out");
  }
  const size_t oldest = history.size() - kept;
  const std::vector<int> whole(history.begin() + static_cast<std::ptrdiff_t>(oldest),
                               history.end());
  std::vector<float> scores(history.size());
  if (oldest > 0) {
    HALFLING_ASSIGN_OR_RETURN(const std::vector<float> score, ScoreItems(whole, {item}));
    std::fill_n(scores.begin(), oldest, score[0]);
  }
  for (size_t left_out = kept; left_out-- > 0;) {
    std::vector<int> others = whole;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(left_out));
    HALFLING_ASSIGN_OR_RETURN(const std::vector<float> score, ScoreItems(others, {item}));
    scores[oldest + left_out] = score[0];
  }
  return scores;
}

Result<std::vector<std::vector<float>>> Recommender::CodeLogits(const std::vector<int>& history,
                                                                int item) {
  const ItemTrie& trie = model_->trie;
  HALFLING_RETURN_IF_ERROR(CheckHistory(history, trie.num_items()));
  HALFLING_RETURN_IF_ERROR(CheckItems(std::array{item}, trie.num_items(), "item"));
  std::vector<int> path;  // from the root to the last node that is followed by a token
  for (int node = trie.node_of(item); node != 0;) path.push_back(node = trie.parent(node));
  std::ranges::reverse(path);

  RunPrompt(history);
  TransformerLogits source(model_->transformer, cache_, scratch_, prompt_hidden_);
  NodeBatch batch(trie, source);
  batch.Add({}, path.back());
  batch.Run();
  std::vector<std::vector<float>> logits;
  for (size_t depth = 0; depth < path.size(); ++depth) {
    const std::span<const int> tokens = trie.child_tokens(path[depth]);
    source.Logits(static_cast<int>(depth), tokens, logits.emplace_back(tokens.size()));
  }
  for (const std::vector<float>& level : logits) {
    if (!std::ranges::all_of(level, [](float logit) { return std::isfinite(logit); })) {
      return NonFiniteLogit();
    }
  }
  return logits;
}

}  // namespace halfling
