#include "compressor/evaluation/perplexity.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "compressor/parallel.h"
#include "engine/search/log_softmax.h"

namespace halfling {
namespace {

using Piece = std::span<const int>;  // of a sequence's items, two at least

std::vector<Piece> Cut(const std::vector<std::vector<int>>& sequences, size_t max_history) {
  std::vector<Piece> pieces;
  for (const std::vector<int>& sequence : sequences) {
    for (size_t first = 0; first + 1 < sequence.size(); first += max_history) {
      const size_t count = std::min(max_history + 1, sequence.size() - first);
      pieces.emplace_back(sequence.data() + first, count);
    }
  }
  return pieces;
}

// Runs pieces one after another, for one thread.
class PieceScorer {
 public:
  explicit PieceScorer(const RecommenderModel& model)
      : model_(model), cache_(model.transformer.config()) {}

  // The log-probability of all items of the piece but the first; not finite where a logit is not.
  double Score(Piece piece) {
    const std::vector<int> starts = Run(piece);
    double sum = 0;
    for (size_t i = 1; i < piece.size(); ++i) sum += ScoreItem(piece[i], starts[i]);
    return sum;
  }

 private:
  // Leaves the hidden states of all tokens in scratch_; returns where each item's code starts.
  std::vector<int> Run(Piece piece) {
    std::vector<int> tokens = model_.prompt.prefix;
    std::vector<int> starts;
    const auto append_code = [this, &starts](int item, std::vector<int>& to) {
      starts.push_back(static_cast<int>(to.size()));
      model_.trie.AppendCode(item, to);
    };
    model_.prompt.AppendItems(piece, append_code, tokens);
    cache_.Truncate(0);
    for (const int token : tokens) {
      cache_.Append(token, cache_.num_slots() == 0 ? kNoParent : cache_.num_slots() - 1);
    }
    model_.transformer.Forward(cache_, 0, scratch_);
    return starts;
  }

  double ScoreItem(int item, int start) {
    const ItemTrie& trie = model_.trie;
    code_.clear();
    trie.AppendCode(item, code_);
    double sum = 0;
    int node = 0;
    for (size_t level = 0; level < code_.size(); ++level) {
      const std::span<const int> allowed = trie.child_tokens(node);
      const auto chosen = static_cast<size_t>(std::ranges::find(allowed, code_[level]) -
                                              allowed.begin());
      logits_.resize(allowed.size());
      const size_t before = static_cast<size_t>(start) + level - 1;
      model_.transformer.Logits(std::as_const(scratch_.hidden).row(before), allowed, logits_);
      if (!LogSoftmax(logits_, softmax_scratch_)) return std::numeric_limits<double>::quiet_NaN();
      sum += logits_[chosen];
      node = trie.first_child(node) + static_cast<int>(chosen);
    }
    return sum;
  }

  const RecommenderModel& model_;
  KvCache cache_;
  TransformerScratch scratch_;
  std::vector<int> code_;
  std::vector<float> logits_;
  std::vector<float> softmax_scratch_;
};

}  // namespace

double Perplexity::value() const { return std::exp(nats); }

Result<Perplexity> MeasurePerplexity(const Recommender& recommender,
                                     const std::vector<std::vector<int>>& sequences, int threads,
                                     Progress& progress) {
  const RecommenderModel& model = recommender.model();
  if (model.prompt.suffix != model.prompt.separator) {
    return Fail(ErrorCode::kInvalidRequest,
                "prompt.suffix differs from prompt.separator; expected a prompt that ends as an "
                "item in its midst does, so that one pass predicts all of them");
  }
  const std::vector<Piece> pieces = Cut(sequences, static_cast<size_t>(model.prompt.max_history));
  if (pieces.empty()) {
    return Fail(ErrorCode::kInvalidRequest, "expected a sequence of at least two items");
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<PieceScorer> scorers(static_cast<size_t>(std::max(1, threads)), PieceScorer(model));
  std::vector<double> scores(pieces.size());
  progress.Begin("measuring perplexity", pieces.size());
  ParallelFor(pieces.size(), threads, [&](size_t piece, size_t worker) {
    scores[piece] = scorers[worker].Score(pieces[piece]);
    progress.Advance();
  });
  Perplexity perplexity;
  for (size_t i = 0; i < pieces.size(); ++i) {
    perplexity.items += pieces[i].size() - 1;
    perplexity.nats -= scores[i];
  }
  perplexity.nats /= static_cast<double>(perplexity.items);
  if (!std::isfinite(perplexity.nats)) {
    return Fail(ErrorCode::kNonFiniteWeight, "the model's logits are not finite");
  }
  perplexity.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return perplexity;
}

}  // namespace halfling
