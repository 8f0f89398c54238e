// What a LLaMA-style model is made of: parsed from a Hugging Face config.json, or from the
// configuration that a model directory carries (same field names).
#ifndef HALFLING_ENGINE_MODEL_CONFIG_H_
#define HALFLING_ENGINE_MODEL_CONFIG_H_

#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace halfling {

enum class Architecture { kLlama, kMistral, kQwen2, kQwen3 };

std::string_view ArchitectureName(Architecture architecture);  // "LlamaForCausalLM", …

struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3 };
  Kind kind = Kind::kNone;
  double factor = 1.0;
  // llama3 only.
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int original_max_position_embeddings = 8192;
};

struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  int vocab_size = 0;
  int model_dim = 0;      // hidden_size
  int num_layers = 0;     // num_hidden_layers
  int num_heads = 0;      // num_attention_heads
  int num_kv_heads = 0;   // num_key_value_heads; num_heads is a multiple of it
  int head_dim = 0;       // head_dim, or model_dim / num_heads where absent; even
  int ffn_dim = 0;        // intermediate_size
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  int max_positions = 0;      // max_position_embeddings
  int sliding_window = 0;     // 0: full attention; a window that max_positions exceeds is kept here
  bool tied_embeddings = false;
  bool attention_bias = false;  // bias of q, k, v
  bool output_bias = false;     // bias of o (Llama with attention_bias)
  bool mlp_bias = false;
  bool qk_norm = false;         // RMS norm of each head's q and k (Qwen3)
};

// Accepts the four architectures under the "architectures" field; checks every range (sizes at
// least 1 and below 2^24 or so, products that cannot overflow) and names the field at fault.
// `where` names the document in messages, e.g. "config.json".
Result<ModelConfig> ParseModelConfig(std::string_view json, std::string_view where);

// The same configuration in Hugging Face field names; ParseModelConfig reads it back unchanged.
std::string ModelConfigToJson(const ModelConfig& config);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_CONFIG_H_
