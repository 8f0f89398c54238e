#include "compressor/stages/plan.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor/stored_matrix.h"

namespace halfling {
namespace {

int64_t MatrixBytes(int64_t rows, int64_t cols, DType dtype) {
  constexpr int64_t kScaleBytes = 4;      // of int8: F32
  constexpr int64_t kInt4ScaleBytes = 2;  // F16
  if (dtype == DType::kU8) {
    constexpr auto kGroup = static_cast<int64_t>(kInt4GroupSize);
    const int64_t groups = (cols + kGroup - 1) / kGroup;
    return rows * ((cols + 1) / 2 + groups * kInt4ScaleBytes);
  }
  return rows * cols * static_cast<int64_t>(DTypeSize(dtype)) +
         (dtype == DType::kI8 ? rows * kScaleBytes : 0);
}

// Of one row number.
int64_t PivotBytes(const LinearShape& shape) {
  return static_cast<int64_t>(DTypeSize(IndexDType(0, static_cast<int>(shape.out_dim - 1))));
}

}  // namespace

std::string_view StorageName(Storage storage) {
  switch (storage) {
    case Storage::kDense:
      break;
    case Storage::kLowRank:
      return "low-rank";
    case Storage::kPivoted:
      return "pivoted";
  }
  return "dense";
}

std::string_view PrecisionName(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
    case DType::kI8:
      return "int8";
    case DType::kU8:
      return "int4";
    case DType::kF32:
    case DType::kI32:
    case DType::kI16:
      break;
  }
  return "f32";
}

int64_t NumParameters(const LinearShape& shape, const LinearPlan& plan) {
  const int64_t both = shape.out_dim + shape.in_dim;
  switch (plan.storage) {
    case Storage::kDense:
      break;
    case Storage::kLowRank:
      return plan.rank * both;
    case Storage::kPivoted:
      return plan.rank * (both - plan.rank);
  }
  return shape.out_dim * shape.in_dim;
}

int64_t NumBytes(const LinearShape& shape, const LinearPlan& plan) {
  const auto bytes = [&plan](int64_t rows, int64_t cols) {
    return MatrixBytes(rows, cols, plan.dtype);
  };
  const int64_t right = bytes(plan.rank, shape.in_dim);
  switch (plan.storage) {
    case Storage::kDense:
      break;
    case Storage::kLowRank:
      return bytes(shape.out_dim, plan.rank) + right;
    case Storage::kPivoted:
      return bytes(shape.out_dim - plan.rank, plan.rank) + right + plan.rank * PivotBytes(shape);
  }
  return bytes(shape.out_dim, shape.in_dim);
}

int64_t RankForShare(const LinearShape& shape, Storage storage, double keep) {
  const auto both = static_cast<double>(shape.out_dim + shape.in_dim);
  const double wanted =
      keep * static_cast<double>(shape.out_dim) * static_cast<double>(shape.in_dim);
  // r (m + n) = wanted, or the lower root of r (m + n - r) = wanted.
  const double rank = storage == Storage::kPivoted
                          ? (both - std::sqrt(both * both - 4 * wanted)) / 2
                          : wanted / both;
  const int64_t largest = std::max(int64_t{1}, std::min(shape.out_dim, shape.in_dim) - 1);
  return std::clamp(static_cast<int64_t>(rank), int64_t{1}, largest);
}

ModelPlan UniformPlan(const ModelConfig& config, double keep, Storage storage, DType dtype) {
  LayerPlan layer;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    const LinearPlan dense = {Storage::kDense, dtype, 0};
    LinearPlan& plan = layer[static_cast<size_t>(kind)];
    plan = dense;
    if (storage == Storage::kDense || keep >= 1.0) continue;
    const LinearPlan factored = {storage, dtype, RankForShare(shape, storage, keep)};
    if (NumParameters(shape, factored) < NumParameters(shape, dense)) plan = factored;
  }
  return ModelPlan(static_cast<size_t>(config.num_layers), layer);
}

}  // namespace halfling
