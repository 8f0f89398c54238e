// A model run over many sequences one layer at a time, so that a layer may be changed between runs.
#ifndef HALFLING_COMPRESSOR_STAGES_LAYER_WALK_H_
#define HALFLING_COMPRESSOR_STAGES_LAYER_WALK_H_

#include <array>
#include <memory>
#include <vector>

#include "compressor/stages/calibrate.h"
#include "compressor/stages/calibration_sequences.h"
#include "compressor/stages/input_group.h"
#include "engine/model/transformer.h"

namespace halfling {

// The inputs of a layer's linears for one sequence.
class InputRecorder : public LinearObserver {
 public:
  void OnLinearInput(int, LinearKind kind, const Matrix& x) override {
    if (LeadsItsGroup(kind)) inputs_[static_cast<size_t>(GroupOf(kind))] = x;
  }
  // [tokens, in_dim]
  const Matrix& input(InputGroup group) const { return inputs_[static_cast<size_t>(group)]; }

 private:
  std::array<Matrix, kNumInputGroups> inputs_;
};

// Holds the hidden states of all sequences at the entrance of the current layer. Different lanes
// may be used at the same time. The model and the sequences must outlive it.
class LayerWalk {
 public:
  LayerWalk(const Transformer& model, const std::vector<TokenSequence>& sequences);

  // Runs layer() over one sequence without moving on, and returns what its linears saw; valid
  // until the lane's next call.
  const InputRecorder& Observe(size_t sequence, size_t lane);
  // Runs layer() over one sequence and replaces its hidden states. Once for each sequence, then
  // NextLayer() once.
  void Advance(size_t sequence, size_t lane);
  void NextLayer() { ++layer_; }

  int layer() const { return layer_; }

 private:
  struct Lane {
    explicit Lane(const ModelConfig& config) : cache(config) {}
    KvCache cache;
    TransformerScratch scratch;
    InputRecorder recorder;
  };

  // Fills the lane's cache with the sequence's tokens and its scratch with the hidden states.
  void Prepare(size_t sequence, Lane& lane);

  const Transformer* model_;
  const std::vector<TokenSequence>* sequences_;
  int layer_ = 0;
  std::vector<Matrix> hidden_;  // [sequences] of [tokens, model_dim]
  std::vector<Lane> lanes_;     // [kCalibrationLanes]
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_LAYER_WALK_H_
