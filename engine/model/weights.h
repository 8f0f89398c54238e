// The weights of a model, named as Hugging Face names them, ready to run.
#ifndef HALFLING_ENGINE_MODEL_WEIGHTS_H_
#define HALFLING_ENGINE_MODEL_WEIGHTS_H_

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/layers/linear.h"
#include "engine/model/config.h"
#include "engine/tensor/tensor.h"

namespace halfling {

// The seven linear layers of a block, in forward order.
enum class LinearKind { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
inline constexpr std::array kLinearKinds = {
    LinearKind::kQuery, LinearKind::kKey, LinearKind::kValue, LinearKind::kOutput,
    LinearKind::kGate,  LinearKind::kUp,  LinearKind::kDown};
inline constexpr size_t kNumLinearKinds = kLinearKinds.size();

// The linear layers of a block by the input that they share, in forward order.
enum class InputGroup {
  kAttention,    // q, k and v read the normed hidden states
  kAttended,     // o reads what attention gathered
  kFeedForward,  // gate and up read the normed hidden states
  kGated,        // down reads silu(gate) * up
};
inline constexpr std::array kInputGroups = {InputGroup::kAttention, InputGroup::kAttended,
                                            InputGroup::kFeedForward, InputGroup::kGated};

std::span<const LinearKind> KindsOf(InputGroup group);

// "self_attn.q_proj", …, "mlp.down_proj"
std::string_view LinearKindName(LinearKind kind);

struct LayerWeights {
  std::array<Linear, kNumLinearKinds> linears;  // indexed by LinearKind
  std::vector<float> attention_norm;            // [model_dim], input_layernorm
  std::vector<float> ffn_norm;                  // [model_dim], post_attention_layernorm
  std::vector<float> query_norm;                // [head_dim], or empty without qk_norm
  std::vector<float> key_norm;                  // [head_dim], or empty

  Linear& linear(LinearKind kind) { return linears[static_cast<size_t>(kind)]; }
  const Linear& linear(LinearKind kind) const { return linears[static_cast<size_t>(kind)]; }
};

// One of the norms of a layer, in the order in which a file has them.
struct NormTensor {
  const char* name;  // "input_layernorm.weight", after "model.layers.3."
  std::vector<float> LayerWeights::*weights;
  bool of_heads;  // of each head's q or k, where the model has qk_norm
};
inline constexpr std::array kNormTensors = {
    NormTensor{"input_layernorm.weight", &LayerWeights::attention_norm, false},
    NormTensor{"self_attn.q_norm.weight", &LayerWeights::query_norm, true},
    NormTensor{"self_attn.k_norm.weight", &LayerWeights::key_norm, true},
    NormTensor{"post_attention_layernorm.weight", &LayerWeights::ffn_norm, false}};

inline constexpr char kEmbeddingTensor[] = "model.embed_tokens.weight";
inline constexpr char kHeadTensor[] = "lm_head.weight";
inline constexpr char kFinalNormTensor[] = "model.norm.weight";

struct ModelWeights {
  Matrix embedding;               // [vocab_size, model_dim]
  Matrix head;                    // [vocab_size, model_dim]; empty when tied to the embedding
  std::vector<float> final_norm;  // [model_dim]
  std::vector<LayerWeights> layers;

  // The matrix that turns a hidden state into logits: head, or embedding when tied.
  const Matrix& output_matrix() const { return head.rows() == 0 ? embedding : head; }
};

// "model.layers.3.self_attn.q_proj"
std::string LinearName(int layer, LinearKind kind);
// "model.layers.3.input_layernorm.weight"
std::string NormTensorName(int layer, const NormTensor& norm);

struct LinearShape {
  int64_t out_dim = 0;
  int64_t in_dim = 0;
  bool has_bias = false;
};
LinearShape LinearShapeOf(const ModelConfig& config, LinearKind kind);

// Reads every tensor that `config` calls for, under the names and in the forms that model_file.h
// describes; a bias is NAME.bias. Embedding and head are widened to f32. Checks presence, dtype,
// shape, ranges and finiteness; says which tensor failed.
Result<ModelWeights> LoadWeights(const ModelConfig& config, const TensorSource& source);

// Its parts, for who cannot hold them all at once: everything but the layers, and one layer.
Result<ModelWeights> LoadOuterWeights(const ModelConfig& config, const TensorSource& source);
Result<LayerWeights> LoadLayer(const ModelConfig& config, const TensorSource& source, int layer);

// kShapeMismatch, naming the part, if the sizes of `weights` are not those that `config` calls for.
Status CheckWeights(const ModelConfig& config, const ModelWeights& weights);
// The same of all but the layers.
Status CheckOuterWeights(const ModelConfig& config, const ModelWeights& weights);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_WEIGHTS_H_
