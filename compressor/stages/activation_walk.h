// A model run over many sequences side by side, from one group of linears to the next, so that a
// group's inputs can be looked at and its linears changed before they run.
#ifndef HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_
#define HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_

#include <vector>

#include "compressor/stages/calibration_sequences.h"
#include "engine/model/transformer.h"

namespace halfling {

// Stands before the linears of one InputGroup of one layer, at first of layer 0's kAttention. Holds
// the hidden states and the group's inputs of all tokens: [tokens, model_dim] and
// [tokens, in_dim] floats. The model and the sequences must outlive it.
class ActivationWalk {
 public:
  ActivationWalk(const Transformer& model, const std::vector<TokenSequence>& sequences,
                 int threads);

  size_t num_sequences() const { return states_.size(); }
  // What the linears are about to read: [tokens of the sequence, in_dim].
  const Matrix& input(size_t sequence) const { return states_[sequence].input; }

  // Runs the linears as they are now, and moves on to the next group. Once the last layer is done
  // there is nothing left to look at.
  void Advance(int threads);

 private:
  struct State {
    Matrix hidden;
    Matrix input;
  };

  // Calls work(state, cache with the sequence's tokens, scratch) for every sequence.
  template <typename Work>
  void ForEachSequence(int threads, const Work& work);

  const Transformer* model_;
  const std::vector<TokenSequence>* sequences_;
  int layer_ = 0;
  InputGroup group_ = InputGroup::kAttention;
  std::vector<State> states_;
};

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_
