// What the linears of one group see on the calibration tokens, as second moments.
#ifndef HALFLING_COMPRESSOR_STAGES_INPUT_MOMENTS_H_
#define HALFLING_COMPRESSOR_STAGES_INPUT_MOMENTS_H_

#include <Eigen/Core>
#include <cstdint>

#include "compressor/stages/activation_walk.h"

namespace halfling {

// X are the inputs [n, tokens] in the original model, X' those in the compressed one, whose errors
// upstream they carry. Each sum is [n, n], or empty where it was not asked for.
struct InputMoments {
  Eigen::MatrixXd original;    // G = X X^T
  Eigen::MatrixXd cross;       // K = X X'^T
  Eigen::MatrixXd compressed;  // G' = X' X'^T
  int64_t tokens = 0;

  // Of a group whose outputs are added to the hidden states: what those of the compressed model lack
  // before that, D = H - H' [model_dim, tokens]. Empty for other groups.
  Eigen::MatrixXd lack_original;    // D X^T [model_dim, n]
  Eigen::MatrixXd lack_compressed;  // D X'^T [model_dim, n]
  double lack_square = 0;           // ||D||^2

  Matrix sample;  // [some tokens, n]: columns of X'
};

struct MomentChoice {
  bool original = false;
  bool cross = false;
  bool compressed = false;
  bool lack = false;
  bool sample = false;
};

// 1 / rms of each row of hidden states [tokens, model_dim], as a norm with this epsilon divides.
Eigen::VectorXd InverseRms(const Eigen::MatrixXd& hidden, double epsilon);

// What each token counts for in the group before which the walk through the original stands; `layer`
// are its weights. Where the group's outputs are added to the hidden states that is 1 / rms of what
// these become, since the norm that reads them next divides by that; without it the few tokens whose
// hidden states are a hundred times the others' decide the fit (Sun et al., 2024, "Massive
// Activations in Large Language Models"). Elsewhere all count alike: no weights. In the sequences'
// order.
Eigen::VectorXd TokenWeights(const ActivationWalk& original, const LayerWeights& layer,
                             double epsilon, int threads);

// The moments of the group before which both walks stand. A walk may be null where the choice does
// not need it; all are empty when nothing is asked for. A token's columns of X, X' and D are
// multiplied by its weight, if there are `weights`; the sample's too.
InputMoments SumMoments(const ActivationWalk* original, const ActivationWalk* compressed,
                        MomentChoice choice, int threads, const Eigen::VectorXd& weights = {});

// What to add to the diagonal of a gram [n, n] of so many tokens, for the directions that the
// calibration hardly saw: as much as if each input had also come alone, with kPriorTokens of a
// token's mean square norm. The more tokens, the less that counts: of n inputs and T tokens the
// least eigenvalues of a sample come out too small by (1 - sqrt(n / T))^2 (Marchenko and Pastur,
// 1967), and a fit believes them.
double PriorRidge(const Eigen::MatrixXd& gram, int64_t tokens);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_INPUT_MOMENTS_H_
