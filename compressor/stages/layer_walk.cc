#include "compressor/stages/layer_walk.h"

#include <utility>

namespace halfling {
namespace {

void FillCache(const TokenSequence& tokens, KvCache& cache) {
  cache.Truncate(0);
  int parent = kNoParent;
  for (const int token : tokens) parent = cache.Append(token, parent);
}

}  // namespace

LayerWalk::LayerWalk(const Transformer& model, const std::vector<TokenSequence>& sequences)
    : model_(&model), sequences_(&sequences) {
  for (size_t i = 0; i < kCalibrationLanes; ++i) lanes_.emplace_back(model.config());
  for (const TokenSequence& tokens : sequences) {
    FillCache(tokens, lanes_[0].cache);
    model.Embed(lanes_[0].cache, 0, lanes_[0].scratch);
    hidden_.push_back(lanes_[0].scratch.hidden);
  }
}

const InputRecorder& LayerWalk::Observe(size_t sequence, size_t lane_index) {
  Lane& lane = lanes_[lane_index];
  Prepare(sequence, lane);
  model_->ForwardLayer(layer_, lane.cache, 0, lane.scratch, &lane.recorder);
  return lane.recorder;
}

void LayerWalk::Advance(size_t sequence, size_t lane_index) {
  Lane& lane = lanes_[lane_index];
  Prepare(sequence, lane);
  model_->ForwardLayer(layer_, lane.cache, 0, lane.scratch);
  std::swap(hidden_[sequence], lane.scratch.hidden);
}

void LayerWalk::Prepare(size_t sequence, Lane& lane) {
  FillCache((*sequences_)[sequence], lane.cache);
  lane.scratch.hidden = hidden_[sequence];
}

}  // namespace halfling
