#include "compressor/stages/activation_walk.h"

#include <algorithm>

#include "compressor/parallel.h"

namespace halfling {
namespace {

// Enough for a thread to fill its buffers once and use them many times.
constexpr size_t kSequencesPerTask = 16;

}  // namespace

template <typename Work>
void ActivationWalk::ForEachSequence(int threads, const Work& work) {
  const size_t num_tasks = (states_.size() + kSequencesPerTask - 1) / kSequencesPerTask;
  ParallelFor(num_tasks, threads, [&](size_t task, size_t) {
    KvCache cache(model_->config());
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
    : model_(&model), sequences_(&sequences), states_(sequences.size()) {
  ForEachSequence(threads, [&](State& state, KvCache& cache, TransformerScratch& scratch) {
    model_->Embed(cache, 0, scratch);
    model_->PrepareGroup(layer_, group_, cache, 0, scratch);
    state.hidden = scratch.hidden;
    state.input = scratch.input(group_);
  });
}

void ActivationWalk::Advance(int threads) {
  const bool layer_ends = group_ == kInputGroups.back();
  const int next_layer = layer_ends ? layer_ + 1 : layer_;
  const InputGroup next_group =
      layer_ends ? kInputGroups.front() : kInputGroups[static_cast<size_t>(group_) + 1];
  if (next_layer == model_->config().num_layers) return;
  ForEachSequence(threads, [&](State& state, KvCache& cache, TransformerScratch& scratch) {
    scratch.hidden = state.hidden;
    scratch.input(group_) = state.input;
    model_->ApplyGroup(layer_, group_, scratch);
    model_->PrepareGroup(next_layer, next_group, cache, 0, scratch);
    state.hidden = scratch.hidden;
    state.input = scratch.input(next_group);
  });
  layer_ = next_layer;
  group_ = next_group;
}

}  // namespace halfling
