#include "compressor/stages/activation_walk.h"

#include <algorithm>

#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

// A linear reads its weights once for as many tokens, whose activations stay in a core's cache.
constexpr size_t kMostTokensPerBatch = 128;
constexpr size_t kFewestTokensPerBatch = 16;
// So that the threads end at about the same time.
constexpr size_t kBatchesPerThread = 4;
constexpr size_t kMostBatchesPerTask = 16;

// Sequences [begin, end).
struct Batch {
  size_t begin;
  size_t end;
};

// Of at least `tokens` each, but for the last.
std::vector<Batch> Divide(const std::vector<TokenSequence>& sequences, size_t tokens) {
  std::vector<Batch> batches;
  for (size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    for (size_t count = 0; end < sequences.size() && count < tokens; ++end) {
      count += sequences[end].size();
    }
    batches.push_back({begin, end});
  }
  return batches;
}

void AppendSequence(const TokenSequence& sequence, KvCache& cache) {
  int parent = kNoParent;
  for (const int token : sequence) parent = cache.Append(token, parent);
}

}  // namespace

void ActivationWalk::ForEachBatch(std::span<ActivationWalk* const> walks, const Transformer& model,
                                  int threads, const Work& work) {
  if (walks.empty()) return;
  const std::vector<TokenSequence>& sequences = *walks.front()->sequences_;
  const size_t fair_share = static_cast<size_t>(std::max(1, threads)) * kBatchesPerThread;
  const std::vector<Batch> batches =
      Divide(sequences, std::clamp(walks.size() * CountTokens(sequences) / fair_share,
                                   kFewestTokensPerBatch, kMostTokensPerBatch));
  // A batch runs through one walk after the other, so that the cache's tokens stay.
  const size_t num_parts = batches.size() * walks.size();
  const size_t per_task = std::clamp(num_parts / fair_share, size_t{1}, kMostBatchesPerTask);
  ParallelFor((num_parts + per_task - 1) / per_task, threads, [&](size_t task, size_t) {
    KvCache cache(model.config());
    TransformerScratch scratch;
    const size_t first = task * per_task;
    for (size_t part = first; part < std::min(num_parts, first + per_task); ++part) {
      const auto [begin, end] = batches[part / walks.size()];
      const size_t walk = part % walks.size();
      if (part == first || walk == 0) {
        cache.Truncate(0);
        for (size_t i = begin; i < end; ++i) AppendSequence(sequences[i], cache);
      }
      work(std::span(walks[walk]->states_).subspan(begin, end - begin), cache, scratch);
    }
  });
}

void ActivationWalk::ForEachBatch(const Transformer& model, int threads, const Work& work) {
  ActivationWalk* const self = this;
  ForEachBatch({&self, 1}, model, threads, work);
}

void ActivationWalk::Gather(std::span<const State> states, Matrix State::* matrix, Matrix& all) {
  size_t rows = 0;
  for (const State& state : states) rows += state.num_tokens;
  all.Resize(rows, (states.front().*matrix).cols());
  auto to = all.values().begin();
  for (const State& state : states) to = std::ranges::copy((state.*matrix).values(), to).out;
}

void ActivationWalk::Scatter(const Matrix& all, Matrix State::* matrix, std::span<State> states) {
  auto from = all.values().begin();
  for (State& state : states) {
    (state.*matrix).Resize(state.num_tokens, all.cols());
    const std::span<float> values = (state.*matrix).values();
    std::copy_n(from, values.size(), values.begin());
    from += static_cast<std::ptrdiff_t>(values.size());
  }
}

ActivationWalk::ActivationWalk(const Transformer& model,
                               const std::vector<TokenSequence>& sequences, int threads)
    : sequences_(&sequences), states_(sequences.size()) {
  for (size_t i = 0; i < sequences.size(); ++i) states_[i].num_tokens = sequences[i].size();
  ForEachBatch(model, threads,
               [&](std::span<State> states, KvCache& cache, TransformerScratch& scratch) {
                 model.Embed(cache, 0, scratch);
                 Scatter(scratch.hidden, &State::hidden, states);
               });
}

void ActivationWalk::BeginLayer(const Transformer& model, int layer, int threads) {
  layer_ = layer;
  group_ = kInputGroups.front();
  ForEachBatch(model, threads,
               [&](std::span<State> states, KvCache& cache, TransformerScratch& scratch) {
                 Gather(states, &State::hidden, scratch.hidden);
                 model.PrepareGroup(layer_, group_, cache, 0, scratch);
                 Scatter(scratch.input(group_), &State::input, states);
               });
}

void ActivationWalk::Advance(const Transformer& model, int threads) {
  const bool layer_ends = group_ == kInputGroups.back();
  const InputGroup next = layer_ends ? group_ : kInputGroups[static_cast<size_t>(group_) + 1];
  ForEachBatch(model, threads,
               [&](std::span<State> states, KvCache& cache, TransformerScratch& scratch) {
                 Gather(states, &State::hidden, scratch.hidden);
                 Gather(states, &State::input, scratch.input(group_));
                 model.ApplyGroup(layer_, group_, scratch);
                 Scatter(scratch.hidden, &State::hidden, states);
                 if (layer_ends) {
                   // The most of what a walk holds, and there may be many walks.
                   for (State& state : states) state.input = Matrix();
                   return;
                 }
                 model.PrepareGroup(layer_, next, cache, 0, scratch);
                 Scatter(scratch.input(next), &State::input, states);
               });
  group_ = next;
}

void ActivationWalk::RunLayer(const Transformer& model, int layer, int threads) {
  ActivationWalk* const self = this;
  RunLayer({&self, 1}, model, layer, threads);
}

void ActivationWalk::RunLayer(std::span<ActivationWalk* const> walks, const Transformer& model,
                              int layer, int threads) {
  ForEachBatch(walks, model, threads,
               [&](std::span<State> states, KvCache& cache, TransformerScratch& scratch) {
                 Gather(states, &State::hidden, scratch.hidden);
                 for (const InputGroup group : kInputGroups) {
                   model.PrepareGroup(layer, group, cache, 0, scratch);
                   model.ApplyGroup(layer, group, scratch);
                 }
                 Scatter(scratch.hidden, &State::hidden, states);
               });
  for (ActivationWalk* walk : walks) {
    walk->layer_ = layer;
    walk->group_ = kInputGroups.back();
  }
}

double RelativeHiddenError(const ActivationWalk& original, const ActivationWalk& other) {
  double error = 0;
  double total = 0;
  for (size_t i = 0; i < original.num_sequences(); ++i) {
    const auto expected = AsEigen(original.hidden(i)).cast<double>();
    error += (expected - AsEigen(other.hidden(i)).cast<double>()).squaredNorm();
    total += expected.squaredNorm();
  }
  return total > 0 ? error / total : 0;
}

}  // namespace halfling
