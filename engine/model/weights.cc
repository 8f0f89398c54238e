#include "engine/model/weights.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/model_file/stored_tensors.h"

namespace halfling {
namespace {

// Reads tensors of expected shapes from one source.
class Loader {
 public:
  explicit Loader(const TensorSource& source) : source_(source) {}

  Result<std::vector<float>> Vector(const std::string& name, int64_t size) const {
    HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, FindShaped(source_, name, {size}));
    return ToFloats(tensor, name);
  }

  // [rows, cols], widened.
  Result<Matrix> ReadMatrix(const std::string& name, int64_t rows, int64_t cols) const {
    HALFLING_ASSIGN_OR_RETURN(StoredMatrix stored, ReadStoredMatrix(source_, name, rows, cols));
    if (auto* matrix = std::get_if<Matrix>(&stored)) return std::move(*matrix);
    return ToMatrix(stored);
  }

  Result<Linear> ReadLinear(const std::string& name, int64_t out_dim, int64_t in_dim,
                            bool has_bias) const {
    std::vector<float> bias;
    if (has_bias) {
      HALFLING_ASSIGN_OR_RETURN(bias, Vector(name + ".bias", out_dim));
    }
    const bool factored = source_.Has(name + ".left");
    if (factored && source_.Has(name + ".weight")) {
      return Fail(ErrorCode::kDuplicateTensor, name,
                  " has both .weight and .left, expected one or the other");
    }
    if (source_.Has(name + ".pivots")) return Pivoted(name, out_dim, in_dim, std::move(bias));
    if (factored) return LowRank(name, out_dim, in_dim, std::move(bias));
    HALFLING_ASSIGN_OR_RETURN(const StoredMatrix weight, Stored(name + ".weight", out_dim, in_dim));
    return Linear::Dense(weight, std::move(bias));
  }

 private:
  Result<Linear> LowRank(const std::string& name, int64_t out_dim, int64_t in_dim,
                         std::vector<float> bias) const {
    HALFLING_ASSIGN_OR_RETURN(const int64_t rank,
                              Rank(name + ".right", 2, std::min(out_dim, in_dim)));
    HALFLING_ASSIGN_OR_RETURN(const StoredMatrix left, Stored(name + ".left", out_dim, rank));
    HALFLING_ASSIGN_OR_RETURN(const StoredMatrix right, Stored(name + ".right", rank, in_dim));
    return Linear::LowRank(left, right, std::move(bias));
  }

  Result<Linear> Pivoted(const std::string& name, int64_t out_dim, int64_t in_dim,
                         std::vector<float> bias) const {
    HALFLING_ASSIGN_OR_RETURN(const int64_t rank,
                              Rank(name + ".pivots", 1, std::min(out_dim - 1, in_dim)));
    HALFLING_ASSIGN_OR_RETURN(const StoredMatrix left,
                              Stored(name + ".left", out_dim - rank, rank));
    HALFLING_ASSIGN_OR_RETURN(const StoredMatrix right, Stored(name + ".right", rank, in_dim));
    HALFLING_ASSIGN_OR_RETURN(std::vector<int> pivots, Pivots(name + ".pivots", out_dim));
    return Linear::Pivoted(left, right, std::move(pivots), std::move(bias));
  }

  // A matrix of a linear layer, which must be one that the kernels can run.
  Result<StoredMatrix> Stored(const std::string& name, int64_t rows, int64_t cols) const {
    HALFLING_ASSIGN_OR_RETURN(StoredMatrix matrix, ReadStoredMatrix(source_, name, rows, cols));
    if (std::holds_alternative<Int8Matrix>(matrix) && Cols(matrix) > kernels::kMaxInt8InDim) {
      return Fail(ErrorCode::kTooLarge, name, " is I8 with ", cols, " columns, expected at most ",
                  kernels::kMaxInt8InDim);
    }
    return matrix;
  }

  // The first size of a tensor that has `dimensions` of them.
  Result<int64_t> Rank(const std::string& name, size_t dimensions, int64_t largest) const {
    HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, source_.Find(name));
    const Shape& shape = tensor.shape;
    if (shape.size() != dimensions || shape[0] < 1 || shape[0] > largest) {
      return Fail(ErrorCode::kShapeMismatch, name, " has shape ", ShapeToString(shape),
                  ", expected ", dimensions, " sizes, the first a rank from 1 to ", largest);
    }
    return shape[0];
  }

  // Row numbers below `out_dim`, each above the one before.
  Result<std::vector<int>> Pivots(const std::string& name, int64_t out_dim) const {
    HALFLING_ASSIGN_OR_RETURN(const TensorView tensor, source_.Find(name));
    if (!IsIndex(tensor.dtype)) {
      return Fail(ErrorCode::kUnsupportedDType, name, " is ", DTypeName(tensor.dtype),
                  ", expected I16 or I32");
    }
    std::vector<int> pivots(static_cast<size_t>(tensor.shape[0]));
    int lowest = 0;
    for (size_t i = 0; i < pivots.size(); ++i) {
      pivots[i] = IndexAt(tensor, i);
      if (pivots[i] < lowest || pivots[i] >= out_dim) {
        return Fail(ErrorCode::kInvalidWeight, name, "[", i, "] is ", pivots[i],
                    ", expected rising row numbers, here from ", lowest, " to ", out_dim - 1);
      }
      lowest = pivots[i] + 1;
    }
    return pivots;
  }

  const TensorSource& source_;
};

std::string LayerPrefix(int layer) { return Concat("model.layers.", layer, "."); }

Status CheckSize(const std::string& name, size_t actual, int64_t expected) {
  if (actual == static_cast<size_t>(expected)) return {};
  return Fail(ErrorCode::kShapeMismatch, name, " has size ", actual, ", expected ", expected);
}

Status CheckMatrix(const std::string& name, const Matrix& matrix, int64_t rows, int64_t cols) {
  HALFLING_RETURN_IF_ERROR(CheckSize(name + " (rows)", matrix.rows(), rows));
  return CheckSize(name + " (columns)", matrix.cols(), cols);
}

// 0 for a norm that the model does not have.
int64_t NormSize(const ModelConfig& config, const NormTensor& norm) {
  if (!norm.of_heads) return config.model_dim;
  return config.qk_norm ? config.head_dim : 0;
}

Status CheckLayer(const ModelConfig& config, const LayerWeights& weights, int layer) {
  for (LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    const Linear& linear = weights.linear(kind);
    const std::string name = LinearName(layer, kind);
    HALFLING_RETURN_IF_ERROR(CheckSize(name + " (outputs)", linear.out_dim(), shape.out_dim));
    HALFLING_RETURN_IF_ERROR(CheckSize(name + " (inputs)", linear.in_dim(), shape.in_dim));
    HALFLING_RETURN_IF_ERROR(
        CheckSize(name + ".bias", linear.bias().size(), shape.has_bias ? shape.out_dim : 0));
  }
  for (const NormTensor& norm : kNormTensors) {
    HALFLING_RETURN_IF_ERROR(CheckSize(NormTensorName(layer, norm), (weights.*norm.weights).size(),
                                       NormSize(config, norm)));
  }
  return {};
}

}  // namespace

std::span<const LinearKind> KindsOf(InputGroup group) {
  const std::span<const LinearKind> kinds = kLinearKinds;
  switch (group) {
    case InputGroup::kAttention:
      return kinds.subspan(0, 3);
    case InputGroup::kAttended:
      return kinds.subspan(3, 1);
    case InputGroup::kFeedForward:
      return kinds.subspan(4, 2);
    case InputGroup::kGated:
      break;
  }
  return kinds.subspan(6, 1);
}

std::string_view LinearKindName(LinearKind kind) {
  switch (kind) {
    case LinearKind::kQuery:
      return "self_attn.q_proj";
    case LinearKind::kKey:
      return "self_attn.k_proj";
    case LinearKind::kValue:
      return "self_attn.v_proj";
    case LinearKind::kOutput:
      return "self_attn.o_proj";
    case LinearKind::kGate:
      return "mlp.gate_proj";
    case LinearKind::kUp:
      return "mlp.up_proj";
    case LinearKind::kDown:
      break;
  }
  return "mlp.down_proj";
}

std::string LinearName(int layer, LinearKind kind) {
  return LayerPrefix(layer) + std::string(LinearKindName(kind));
}

std::string NormTensorName(int layer, const NormTensor& norm) {
  return LayerPrefix(layer) + norm.name;
}

LinearShape LinearShapeOf(const ModelConfig& config, LinearKind kind) {
  const int64_t query_dim = int64_t{config.num_heads} * config.head_dim;
  const int64_t kv_dim = int64_t{config.num_kv_heads} * config.head_dim;
  switch (kind) {
    case LinearKind::kQuery:
      return {query_dim, config.model_dim, config.attention_bias};
    case LinearKind::kKey:
    case LinearKind::kValue:
      return {kv_dim, config.model_dim, config.attention_bias};
    case LinearKind::kOutput:
      return {config.model_dim, query_dim, config.output_bias};
    case LinearKind::kGate:
    case LinearKind::kUp:
      return {config.ffn_dim, config.model_dim, config.mlp_bias};
    case LinearKind::kDown:
      break;
  }
  return {config.model_dim, config.ffn_dim, config.mlp_bias};
}

Result<ModelWeights> LoadOuterWeights(const ModelConfig& config, const TensorSource& source) {
  const Loader loader(source);
  ModelWeights weights;
  HALFLING_ASSIGN_OR_RETURN(
      weights.embedding,
      loader.ReadMatrix(kEmbeddingTensor, config.vocab_size, config.model_dim));
  if (!config.tied_embeddings) {
    HALFLING_ASSIGN_OR_RETURN(
        weights.head, loader.ReadMatrix(kHeadTensor, config.vocab_size, config.model_dim));
  }
  HALFLING_ASSIGN_OR_RETURN(weights.final_norm,
                            loader.Vector(kFinalNormTensor, config.model_dim));
  return weights;
}

Result<LayerWeights> LoadLayer(const ModelConfig& config, const TensorSource& source, int layer) {
  const Loader loader(source);
  LayerWeights weights;
  for (LinearKind kind : kLinearKinds) {
    const LinearShape shape = LinearShapeOf(config, kind);
    HALFLING_ASSIGN_OR_RETURN(
        weights.linear(kind),
        loader.ReadLinear(LinearName(layer, kind), shape.out_dim, shape.in_dim, shape.has_bias));
  }
  for (const NormTensor& norm : kNormTensors) {
    const int64_t size = NormSize(config, norm);
    if (size == 0) continue;
    HALFLING_ASSIGN_OR_RETURN(weights.*norm.weights,
                              loader.Vector(NormTensorName(layer, norm), size));
  }
  return weights;
}

Result<ModelWeights> LoadWeights(const ModelConfig& config, const TensorSource& source) {
  HALFLING_ASSIGN_OR_RETURN(ModelWeights weights, LoadOuterWeights(config, source));
  // One by one: a hostile layer count ends at the first layer that is not there.
  for (int layer = 0; layer < config.num_layers; ++layer) {
    HALFLING_ASSIGN_OR_RETURN(LayerWeights loaded, LoadLayer(config, source, layer));
    weights.layers.push_back(std::move(loaded));
  }
  return weights;
}

Status CheckOuterWeights(const ModelConfig& config, const ModelWeights& weights) {
  HALFLING_RETURN_IF_ERROR(
      CheckMatrix(kEmbeddingTensor, weights.embedding, config.vocab_size, config.model_dim));
  HALFLING_RETURN_IF_ERROR(CheckMatrix(kHeadTensor, weights.head,
                                       config.tied_embeddings ? 0 : config.vocab_size,
                                       config.tied_embeddings ? 0 : config.model_dim));
  return CheckSize(kFinalNormTensor, weights.final_norm.size(), config.model_dim);
}

Status CheckWeights(const ModelConfig& config, const ModelWeights& weights) {
  HALFLING_RETURN_IF_ERROR(CheckOuterWeights(config, weights));
  HALFLING_RETURN_IF_ERROR(CheckSize("model.layers", weights.layers.size(), config.num_layers));
  for (int layer = 0; layer < config.num_layers; ++layer) {
    HALFLING_RETURN_IF_ERROR(CheckLayer(config, weights.layers[static_cast<size_t>(layer)], layer));
  }
  return {};
}

}  // namespace halfling
