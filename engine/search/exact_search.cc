#include "engine/search/exact_search.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/search/partial_code.h"

namespace halfling {
namespace {

class BestFirst {
 public:
  BestFirst(const ItemTrie& trie, const ItemFilter& filter, const ItemBoosts& boosts,
            LogitsSource& source, const ExactSearchOptions& options)
      : trie_(trie),
        filter_(filter),
        boosts_(boosts),
        source_(source),
        options_(options),
        best_(trie, filter, boosts, options.limit),
        batch_(trie, source) {}

  Result<SearchResult> Run() {
    Reach(0, 0.0f, {0, 0});
    HALFLING_RETURN_IF_ERROR(Descend());
    HALFLING_RETURN_IF_ERROR(Prove());
    result_.nodes_run = batch_.num_run();
    result_.items = std::move(best_).Take();
    return std::move(result_);
  }

 private:
  // Leaves what it does not follow to Prove.
  Status Descend() {
    const auto width = static_cast<size_t>(std::max({1, options_.first_width, options_.limit}));
    std::vector<PartialCode> left;
    for (;;) {
      DropLosers();
      if (open_.empty()) break;
      const std::vector<PartialCode> followed = TakeBest(open_, width);
      left.insert(left.end(), open_.begin(), open_.end());
      open_.clear();
      HALFLING_RETURN_IF_ERROR(Follow(followed));
    }
    open_ = std::move(left);
    return {};
  }

  Status Prove() {
    const int end = batch_.num_run() + options_.max_proof_nodes;
    for (;;) {
      DropLosers();
      result_.exact = open_.empty();
      const int left = end - batch_.num_run();
      if (result_.exact || left <= 0) return {};
      const auto count = static_cast<size_t>(std::min(std::max(1, options_.batch_size), left));
      HALFLING_RETURN_IF_ERROR(Follow(TakeBest(open_, count)));
    }
  }

  // Runs the partial codes in one batch and opens what follows them.
  Status Follow(const std::vector<PartialCode>& codes) {
    states_.clear();
    for (const PartialCode& code : codes) states_.push_back(batch_.Add(code.from, code.node));
    if (batch_.num_pending() > 0) ++result_.batches;
    batch_.Run();
    for (size_t i = 0; i < codes.size(); ++i) {
      const PartialCode& code = codes[i];
      HALFLING_RETURN_IF_ERROR(ChildLogProbabilities(trie_, code.node, states_[i], source_,
                                                     log_probabilities_, scratch_));
      int child = trie_.first_child(code.node);
      for (const float log_probability : log_probabilities_) {
        const float sum = code.log_probability + log_probability;
        // First by the cheapest bound: most children are out of reach.
        if (best_.WouldTake(sum + boosts_.max(), child) && filter_.allows_node(child)) {
          Reach(child, sum, {code.node, states_[i]});
        }
        ++child;
      }
    }
    return {};
  }

  // Adds the items at the node, and goes on while there is one way; opens the code where it
  // branches.
  void Reach(int node, float log_probability, NodeState from) {
    for (;; node = trie_.first_child(node)) {
      best_.AddItemsAt(node, log_probability);
      if (!filter_.allows_below(node)) return;
      if (Branches(trie_, node)) break;
    }
    const PartialCode code = {node, log_probability, log_probability + boosts_.MaxBelow(node),
                              from};
    if (MayWin(code)) open_.push_back(code);
  }

  void DropLosers() {
    std::erase_if(open_, [&](const PartialCode& code) { return !MayWin(code); });
  }

  // Whether an item below may still be among the best.
  bool MayWin(const PartialCode& code) const {
    return best_.WouldTake(code.bound, trie_.first_child(code.node));
  }

  const ItemTrie& trie_;
  const ItemFilter& filter_;
  const ItemBoosts& boosts_;
  LogitsSource& source_;
  const ExactSearchOptions& options_;
  BestItems best_;
  NodeBatch batch_;
  SearchResult result_;
  std::vector<PartialCode> open_;  // they branch, and something below is allowed
  std::vector<int> states_;        // of the codes that are followed
  std::vector<float> log_probabilities_;
  std::vector<float> scratch_;
};

}  // namespace

Result<SearchResult> ExactSearch(const ItemTrie& trie, const ItemFilter& filter,
                                 const ItemBoosts& boosts, LogitsSource& source,
                                 const ExactSearchOptions& options) {
  return BestFirst(trie, filter, boosts, source, options).Run();
}

}  // namespace halfling
