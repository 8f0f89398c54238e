// What a LLaMA-style model is made of: parsed from a Hugging Face config.json, or from the
// configuration that a model directory carries (same field names).
#ifndef HALFLING_ENGINE_MODEL_CONFIG_H_
#define HALFLING_ENGINE_MODEL_CONFIG_H_

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/layers/rope.h"

namespace halfling {

enum class Architecture { kLlama, kMistral, kQwen2, kQwen3 };

std::string_view ArchitectureName(Architecture architecture);  // "LlamaForCausalLM", …

struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  int vocab_size = 0;
  int model_dim = 0;     // hidden_size
  int num_layers = 0;    // num_hidden_layers
  int num_heads = 0;     // num_attention_heads
  int num_kv_heads = 0;  // num_key_value_heads; num_heads is a multiple of it
  int head_dim = 0;      // where absent model_dim / num_heads, or 128 for Qwen3; even
  int ffn_dim = 0;       // intermediate_size
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  int max_positions = 0;  // max_position_embeddings
  // A token sees the last `sliding_window` tokens, itself included, in the layers from
  // first_sliding_layer on; 0: all of them. Kept only where it can matter: below max_positions.
  int sliding_window = 0;
  int first_sliding_layer = 0;
  bool tied_embeddings = false;
  bool attention_bias = false;  // bias of q, k, v
  bool output_bias = false;     // bias of o (Llama and Qwen3 with attention_bias)
  bool mlp_bias = false;
  bool qk_norm = false;  // RMS norm of each head's q and k (Qwen3)

  bool operator==(const ModelConfig&) const = default;
};

// Reads the four architectures, named in the "architectures" field, with the defaults that
// transformers gives to absent fields; sizes have no default. Every value is checked against a
// range in which products of two sizes cannot overflow. kMalformedJson for a missing field or one
// of a wrong type, kInvalidConfig for a value out of range, kUnsupportedModel for what transformers
// would run and this engine does not (another activation, rope type, layer pattern or architecture,
// quantization). `where` names the document in messages, e.g. "config.json".
Result<ModelConfig> ParseModelConfig(std::string_view json, std::string_view where);

// The same configuration in Hugging Face field names; ParseModelConfig reads it back unchanged.
std::string ModelConfigToJson(const ModelConfig& config);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_CONFIG_H_
