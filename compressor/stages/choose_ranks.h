// Stage 2: how many singular directions each matrix keeps.
#ifndef HALFLING_COMPRESSOR_STAGES_CHOOSE_RANKS_H_
#define HALFLING_COMPRESSOR_STAGES_CHOOSE_RANKS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "engine/model/weights.h"

namespace halfling {

inline constexpr size_t kStaysDense = 0;

// A layer's ranks by LinearKind; kStaysDense leaves the matrix as it is.
using LayerRanks = std::array<size_t, kNumLinearKinds>;
using RankPlan = std::vector<LayerRanks>;  // [num_layers]

// The rank at which a matrix [out_dim, in_dim] keeps the share `keep` (0 < keep <= 1) of its
// parameters: floor(keep * m n / (m + n)), at least 1. kStaysDense where factors of that rank would
// not be smaller than the matrix, and for keep = 1.
size_t UniformRank(double keep, size_t out_dim, size_t in_dim);

RankPlan ChooseUniformRanks(const ModelWeights& weights, double keep);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_CHOOSE_RANKS_H_
