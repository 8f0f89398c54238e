#include "compressor/stages/activation_walk.h"

#include <algorithm>

#include "compressor/linalg/matrices.h"
#include "compressor/parallel.h"

namespace halfling {
namespace {

// Enough for a thread to fill its buffers once and use them many times.
constexpr size_t kSequencesPerTask = 16;

}  // namespace

void ActivationWalk::ForEachSequence(const Transformer& model, int threads, const Work& work) {
  const size_t num_tasks = (states_.size() + kSequencesPerTask - 1) / kSequencesPerTask;
  ParallelFor(num_tasks, threads, [&](size_t task, size_t) {
    KvCache cache(model.config());
    TransformerScratch scratch;
    const size_t end = std::min(states_.size(), (task + 1) * kSequencesPerTask);
    for (size_t i = task * kSequencesPerTask; i < end; ++i) {
      cache.Truncate(0);
      int parent = kNoParent;
      for (const int token : (*sequences_)[i]) parent = cache.Append(token, parent);
      work(states_[i], cache, scratch);
    }
  });
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
  BeginLayer(model, layer, threads);
  for (size_t group = 0; group < kInputGroups.size(); ++group) Advance(model, threads);
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
