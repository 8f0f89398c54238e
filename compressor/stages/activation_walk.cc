#include "compressor/stages/activation_walk.h"

#include <algorithm>

#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

// Enough for a thread to fill its buffers once and use them many times.
constexpr size_t kMostSequencesPerTask = 16;
// So that the threads end at about the same time.
constexpr size_t kTasksPerThread = 4;

struct SequenceOfWalk {
  ActivationWalk* walk;
  size_t sequence;
};

}  // namespace

void ActivationWalk::ForEachSequence(std::span<ActivationWalk* const> walks,
                                     const Transformer& model, int threads, const Work& work) {
  // The walks of one sequence follow each other: they share what a cache knows of its tokens.
  std::vector<SequenceOfWalk> all;
  const size_t num_sequences = walks.empty() ? 0 : walks.front()->num_sequences();
  for (size_t i = 0; i < num_sequences; ++i) {
    for (ActivationWalk* walk : walks) all.push_back({walk, i});
  }
  const size_t wanted_tasks = kTasksPerThread * static_cast<size_t>(std::max(1, threads));
  const size_t per_task = std::clamp(all.size() / wanted_tasks, size_t{1}, kMostSequencesPerTask);
  const size_t num_tasks = (all.size() + per_task - 1) / per_task;
  ParallelFor(num_tasks, threads, [&](size_t task, size_t) {
    KvCache cache(model.config());
    TransformerScratch scratch;
    const size_t begin = task * per_task;
    const size_t end = std::min(all.size(), begin + per_task);
    for (size_t i = begin; i < end; ++i) {
      const auto [walk, sequence] = all[i];
      if (i == begin || sequence != all[i - 1].sequence) {
        cache.Truncate(0);
        int parent = kNoParent;
        for (const int token : (*walk->sequences_)[sequence]) parent = cache.Append(token, parent);
      }
      work(walk->states_[sequence], cache, scratch);
    }
  });
}

void ActivationWalk::ForEachSequence(const Transformer& model, int threads, const Work& work) {
  ActivationWalk* const self = this;
  ForEachSequence({&self, 1}, model, threads, work);
}

ActivationWalk::ActivationWalk(const Transformer& model,
                               const std::vector<TokenSequence>& sequences, int threads)
    : sequences_(&sequences), states_(sequences.size()) {
  ForEachSequence(model, threads, [&](State& state, KvCache& cache, TransformerScratch& scratch) {
    model.Embed(cache, 0, scratch);
    state.hidden = scratch.hidden;
  });
}

void ActivationWalk::BeginLayer(const Transformer& model, int layer, int threads) {
  layer_ = layer;
  group_ = kInputGroups.front();
  ForEachSequence(model, threads, [&](State& state, KvCache& cache, TransformerScratch& scratch) {
    scratch.hidden = state.hidden;
    model.PrepareGroup(layer_, group_, cache, 0, scratch);
    state.input = scratch.input(group_);
  });
}

void ActivationWalk::Advance(const Transformer& model, int threads) {
  const bool layer_ends = group_ == kInputGroups.back();
  const InputGroup next = layer_ends ? group_ : kInputGroups[static_cast<size_t>(group_) + 1];
  ForEachSequence(model, threads, [&](State& state, KvCache& cache, TransformerScratch& scratch) {
    scratch.hidden = state.hidden;
    scratch.input(group_) = state.input;
    model.ApplyGroup(layer_, group_, scratch);
    state.hidden = scratch.hidden;
    if (layer_ends) {
      state.input = Matrix();  // the most of what a walk holds, and there may be many walks
      return;
    }
    model.PrepareGroup(layer_, next, cache, 0, scratch);
    state.input = scratch.input(next);
  });
  group_ = next;
}

void ActivationWalk::RunLayer(const Transformer& model, int layer, int threads) {
  ActivationWalk* const self = this;
  RunLayer({&self, 1}, model, layer, threads);
}

void ActivationWalk::RunLayer(std::span<ActivationWalk* const> walks, const Transformer& model,
                              int layer, int threads) {
  ForEachSequence(walks, model, threads,
                  [&](State& state, KvCache& cache, TransformerScratch& scratch) {
                    scratch.hidden = state.hidden;
                    for (const InputGroup group : kInputGroups) {
                      model.PrepareGroup(layer, group, cache, 0, scratch);
                      model.ApplyGroup(layer, group, scratch);
                    }
                    state.hidden = scratch.hidden;
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
