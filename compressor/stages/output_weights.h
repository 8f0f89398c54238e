// What errors in the outputs of a linear count for in its fit.
#ifndef HALFLING_COMPRESSOR_STAGES_OUTPUT_WEIGHTS_H_
#define HALFLING_COMPRESSOR_STAGES_OUTPUT_WEIGHTS_H_

#include <Eigen/Core>
#include <string>
#include <vector>

#include "compressor/stages/activation_walk.h"
#include "engine/base/result.h"
#include "engine/model/transformer.h"

namespace halfling {

// D [m, m], symmetric and positive definite: an error e [m] in the outputs of a linear counts for
// e^T D e. Block-diagonal, a block for each head of q, k and v.
class OutputWeights {
 public:
  OutputWeights() = default;  // D = I

  // D of these blocks on its diagonal, scaled to a mean diagonal of 1, and a tenth of the identity;
  // I where all of them are 0. kNonFiniteWeight, naming `what`, where one is not finite.
  static Result<OutputWeights> Create(std::vector<Eigen::MatrixXd> blocks, const std::string& what);

  // With D = F F^T: F^T M and F^-T M in place of M [m, any]. So ||F^T E||^2 is what errors E [m, T]
  // count for.
  void Weigh(Eigen::MatrixXd& matrix) const;
  void Unweigh(Eigen::MatrixXd& matrix) const;

 private:
  std::vector<Eigen::MatrixXd> lower_;  // the blocks of F; none for I
};

// Those of each linear of the group before which the walk stands, in the order of KindsOf; `model`
// has the layer's weights.
//
// The outputs of o and down are added to the hidden states as they are: D = I. Those of the others
// go through the rest of their block first, attention and o, or the gate and down: to first order
// an error e in the outputs of one token changes the hidden states by J e. D is w^2 J^T J, summed
// over the tokens, where w is 1 / rms of what the hidden state becomes (TokenWeights). For query
// head h, with W_h the columns of o that read it, a_ts what token t pays attention to token s and
// o_t the sum of a_ts v_s over s:
//
//   up     J = down diag(silu(gate))
//   gate   J = down diag(silu'(gate) up)
//   q_t    J = W_h (sum over s of a_ts (v_s - o_t) k_s^T) / sqrt(head_dim)
//   k_s    J = W_h a_ts (v_s - o_t) q_t^T / sqrt(head_dim)
//   v_s    J = W_h a_ts
//
// Keys and queries are rotated into the other's frame. The sums for k and v run over every t that
// sees s and over the heads h that read them, as if these were independent.
//
// Together with the moments of the inputs that is a Kronecker-factored curvature (Martens and
// Grosse, 2015), of the hidden states in place of the loss: it takes no gradients. The first of the
// sequences are enough to tell it, and those sums of q and k that would take long are estimated by
// random signs (Hutchinson, 1990). The result does not depend on `threads`.
Result<std::vector<OutputWeights>> MeasureOutputWeights(const Transformer& model, int layer,
                                                        const ActivationWalk& walk, int threads);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_OUTPUT_WEIGHTS_H_
