// Stage 2: what each linear layer sees. Runs the model over the calibration sequences and sums the
// second moments of every layer's inputs.
#ifndef HALFLING_COMPRESSOR_STAGES_CALIBRATE_H_
#define HALFLING_COMPRESSOR_STAGES_CALIBRATE_H_

#include <Eigen/Core>
#include <array>
#include <vector>

#include "compressor/progress.h"
#include "compressor/stages/calibration_sequences.h"
#include "compressor/stages/input_group.h"
#include "engine/model/transformer.h"

namespace halfling {

// Sequences are dealt to this many lanes, each with its own sums, added up in the lanes' order: the
// result is the same for any number of threads. More lanes would cost memory for nothing.
inline constexpr size_t kCalibrationLanes = 4;

struct LayerMoments {
  // G = X X^T over all tokens, by InputGroup; [n, n] with n the group's input dimension.
  std::array<Eigen::MatrixXd, kNumInputGroups> grams;

  const Eigen::MatrixXd& gram(LinearKind kind) const {
    return grams[static_cast<size_t>(GroupOf(kind))];
  }
};

// [num_layers]. Holds all layers' sums at once: (3 model_dim^2 + ffn_dim^2) * 8 bytes a layer,
// times the lanes while it runs.
std::vector<LayerMoments> CollectMoments(const Transformer& model,
                                         const std::vector<TokenSequence>& sequences, int threads,
                                         Progress& progress);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_CALIBRATE_H_
