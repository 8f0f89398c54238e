// Stage 4's result: what becomes of each linear layer.
#ifndef HALFLING_COMPRESSOR_STAGES_PLAN_H_
#define HALFLING_COMPRESSOR_STAGES_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/model/weights.h"
#include "engine/tensor/tensor.h"

namespace halfling {

enum class Storage {
  kDense,
  kLowRank,  // left [m, r] right [r, n]
  kPivoted,  // r rows of the product themselves, and the others as combinations of them
};

std::string_view StorageName(Storage storage);  // "dense", "low-rank", "pivoted"

std::string_view PrecisionName(DType dtype);  // "f32", "f16", "bf16", "int8", "int4" (kU8)

struct LinearPlan {
  Storage storage = Storage::kDense;
  DType dtype = DType::kF32;  // kI8 and kU8 (int4) have scales beside them
  int64_t rank = 0;           // 0 when dense
};

using LayerPlan = std::array<LinearPlan, kNumLinearKinds>;  // by LinearKind
using ModelPlan = std::vector<LayerPlan>;                   // [num_layers]

// Values that the form holds, without scales and pivots: m n, r (m + n) or r (m + n - r).
int64_t NumParameters(const LinearShape& shape, const LinearPlan& plan);

// Bytes of its tensors, scales and pivots included.
int64_t NumBytes(const LinearShape& shape, const LinearPlan& plan);

// The largest rank at which the form holds at most the share `keep` (0 < keep < 1) of the m n
// values; at least 1, at most min(m, n) - 1.
int64_t RankForShare(const LinearShape& shape, Storage storage, double keep);

// Every linear at the same share, in `dtype`: kDense for keep = 1 and where factors would not be
// smaller.
ModelPlan UniformPlan(const ModelConfig& config, double keep, Storage storage, DType dtype);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_PLAN_H_
