// A model run over many sequences side by side, from one group of linears to the next, so that a
// group's inputs can be looked at and its linears changed before they run. Only the layer that is
// walked through needs its weights.
#ifndef HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_
#define HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_

#include <functional>
#include <span>
#include <vector>

#include "compressor/stages/calibration_sequences.h"
#include "engine/model/transformer.h"

namespace halfling {

// Holds the hidden states of all tokens, [tokens, model_dim] floats, and within a layer the inputs of
// one group, [tokens, in_dim]. Copies walk on their own. The sequences must outlive it.
class ActivationWalk {
 public:
  // Stands before layer 0.
  ActivationWalk(const Transformer& model, const std::vector<TokenSequence>& sequences,
                 int threads);

  // Before the first group of `layer`, the one after the last that was walked through.
  void BeginLayer(const Transformer& model, int layer, int threads);
  // Runs the linears of the group as they are now, and moves on to the next group of the layer.
  void Advance(const Transformer& model, int threads);
  // BeginLayer and every Advance.
  void RunLayer(const Transformer& model, int layer, int threads);
  // The same for several walks of the same sequences, side by side.
  static void RunLayer(std::span<ActivationWalk* const> walks, const Transformer& model, int layer,
                       int threads);

  InputGroup group() const { return group_; }  // whose linears are next
  const std::vector<TokenSequence>& sequences() const { return *sequences_; }
  size_t num_sequences() const { return states_.size(); }
  // What the group's linears are about to read: [tokens of the sequence, in_dim]; nothing between
  // two layers.
  const Matrix& input(size_t sequence) const { return states_[sequence].input; }
  // What the group's outputs may be added to; after the last Advance of a layer, what it gives the
  // next: [tokens, model_dim].
  const Matrix& hidden(size_t sequence) const { return states_[sequence].hidden; }

 private:
  struct State {
    size_t num_tokens = 0;
    Matrix hidden;
    Matrix input;
  };
  using Work = std::function<void(std::span<State>, KvCache&, TransformerScratch&)>;

  // Calls work(states, cache with the tokens of their sequences, scratch) for all sequences of every
  // walk, some at a time; the cache's keys and values are anyone's.
  static void ForEachBatch(std::span<ActivationWalk* const> walks, const Transformer& model,
                           int threads, const Work& work);
  void ForEachBatch(const Transformer& model, int threads, const Work& work);

  // The states' matrices as one, and back.
  static void Gather(std::span<const State> states, Matrix State::* matrix, Matrix& all);
  static void Scatter(const Matrix& all, Matrix State::* matrix, std::span<State> states);

  const std::vector<TokenSequence>* sequences_;
  int layer_ = 0;
  InputGroup group_ = InputGroup::kAttention;
  std::vector<State> states_;
};

// ||H - H'||^2 / ||H||^2 over the hidden states of two walks that have ended the same layer.
double RelativeHiddenError(const ActivationWalk& original, const ActivationWalk& other);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_ACTIVATION_WALK_H_
