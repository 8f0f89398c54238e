#include "tests/engine/score_all.h"

#include <algorithm>
#include <utility>

#include "engine/search/log_softmax.h"

namespace halfling::testing {
namespace {

// Runs tokens one after another behind a prompt.
class TokenRunner {
 public:
  TokenRunner(const Transformer& transformer, std::span<const int> prompt)
      : transformer_(transformer), cache_(transformer.config()) {
    for (const int token : prompt) Run(token);
    prompt_size_ = cache_.num_slots();
    prompt_hidden_ = hidden_;
  }

  void BackToPrompt() {
    cache_.Truncate(prompt_size_);
    hidden_ = prompt_hidden_;
  }

  void Run(int token) {
    const int slot = cache_.num_slots();
    cache_.Append(token, slot == 0 ? kNoParent : slot - 1);
    transformer_.Forward(cache_, slot, scratch_);
    const std::span<const float> last = std::as_const(scratch_.hidden).row(0);
    hidden_.assign(last.begin(), last.end());
  }

  // Of what may come next.
  std::vector<float> LogProbabilities(std::span<const int> allowed) {
    std::vector<float> values(allowed.size());
    transformer_.Logits(hidden_, allowed, values);
    LogSoftmax(values, softmax_scratch_);
    return values;
  }

 private:
  const Transformer& transformer_;
  KvCache cache_;
  TransformerScratch scratch_;
  std::vector<float> softmax_scratch_;
  std::vector<float> hidden_;  // after the last token
  std::vector<float> prompt_hidden_;
  int prompt_size_ = 0;
};

}  // namespace

std::vector<float> ScoreAll(const RecommenderModel& model, std::span<const int> history) {
  const ItemTrie& trie = model.trie;
  const auto append_code = [&trie](int item, std::vector<int>& tokens) {
    trie.AppendCode(item, tokens);
  };
  TokenRunner runner(model.transformer, model.prompt.Fill(history, append_code));
  std::vector<float> scores;
  for (int item = 0; item < trie.num_items(); ++item) {
    runner.BackToPrompt();
    std::vector<int> code;
    trie.AppendCode(item, code);
    float score = 0.0f;
    int node = 0;
    for (size_t depth = 0; depth < code.size(); ++depth) {
      if (depth > 0) runner.Run(code[depth - 1]);
      const std::span<const int> allowed = trie.child_tokens(node);
      const auto child = std::ranges::find(allowed, code[depth]) - allowed.begin();
      score += runner.LogProbabilities(allowed)[static_cast<size_t>(child)];
      node = trie.first_child(node) + static_cast<int>(child);
    }
    scores.push_back(score);
  }
  return scores;
}

}  // namespace halfling::testing
