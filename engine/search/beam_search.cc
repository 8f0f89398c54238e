#include "engine/search/beam_search.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/search/log_softmax.h"

namespace halfling {
namespace {

// A partial code: a node of the trie, reached from beam `parent` of the level above.
struct Candidate {
  int node;
  float score;
  int parent;
};

// Nodes are distinct and scores finite, so this is a strict order without ties.
bool IsBetter(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.node < b.node;
}

void KeepBest(std::vector<Candidate>& candidates, size_t count) {
  if (candidates.size() > count) {
    const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(candidates.begin(), end, candidates.end(), IsBetter);
    candidates.erase(end, candidates.end());
  }
  std::sort(candidates.begin(), candidates.end(), IsBetter);
}

bool LeadsOn(const ItemTrie& trie, const ItemFilter& filter, int node) {
  for (int child = trie.first_child(node); child < trie.last_child(node); ++child) {
    if (filter.allows_node(child)) return true;
  }
  return false;
}

std::vector<ScoredItem> BestItems(const ItemTrie& trie, const ItemFilter& filter,
                                  std::vector<Candidate> finished, int limit) {
  std::sort(finished.begin(), finished.end(), IsBetter);
  std::vector<ScoredItem> best;
  for (const Candidate& code : finished) {
    for (const int item : trie.items(code.node)) {
      if (static_cast<int>(best.size()) >= limit) return best;
      if (filter.allows_item(item)) best.push_back({item, code.score});
    }
  }
  return best;
}

}  // namespace

Status ChildLogProbabilities(const ItemTrie& trie, int node, int state, LogitsSource& source,
                             std::vector<float>& log_probabilities, std::vector<float>& scratch) {
  const std::span<const int> tokens = trie.child_tokens(node);
  log_probabilities.resize(tokens.size());
  source.Logits(state, tokens, log_probabilities);
  if (!LogSoftmax(log_probabilities, scratch)) {
    return Fail(ErrorCode::kNonFiniteWeight,
                "a logit is not finite: the model's weights overflow; expected finite logits");
  }
  return {};
}

Result<std::vector<ScoredItem>> BeamSearch(const ItemTrie& trie, const ItemFilter& filter,
                                           LogitsSource& source, const BeamSearchOptions& options) {
  const auto width = static_cast<size_t>(std::max({1, options.beam_width, options.limit}));
  std::vector<float> log_probabilities;
  std::vector<float> scratch;
  std::vector<Candidate> finished;
  std::vector<Candidate> beams;  // beam i is the source's state i
  if (LeadsOn(trie, filter, 0)) beams.push_back({0, 0.0f, 0});

  while (!beams.empty()) {
    std::vector<Candidate> candidates;
    for (size_t state = 0; state < beams.size(); ++state) {
      const Candidate& beam = beams[state];
      HALFLING_RETURN_IF_ERROR(ChildLogProbabilities(trie, beam.node, static_cast<int>(state),
                                                     source, log_probabilities, scratch));
      const int first = trie.first_child(beam.node);
      for (size_t i = 0; i < log_probabilities.size(); ++i) {
        const int child = first + static_cast<int>(i);
        if (!filter.allows_node(child)) continue;
        candidates.push_back({child, beam.score + log_probabilities[i], static_cast<int>(state)});
      }
    }
    KeepBest(candidates, width);

    beams.clear();
    std::vector<int> parents;
    std::vector<int> tokens;
    for (const Candidate& candidate : candidates) {
      if (!trie.items(candidate.node).empty()) finished.push_back(candidate);
      if (!LeadsOn(trie, filter, candidate.node)) continue;
      beams.push_back(candidate);
      parents.push_back(candidate.parent);
      tokens.push_back(trie.token(candidate.node));
    }
    if (!beams.empty()) source.Advance(parents, tokens);
  }
  return BestItems(trie, filter, std::move(finished), options.limit);
}

}  // namespace halfling
