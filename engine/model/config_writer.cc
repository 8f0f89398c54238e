// The writing half of engine/model/config.h.
#include <nlohmann/json.hpp>

#include "engine/model/config.h"

namespace halfling {
namespace {

using nlohmann::json;

json RopeScalingToJson(const RopeScaling& scaling) {
  if (scaling.kind == RopeScaling::Kind::kNone) return nullptr;
  if (scaling.kind == RopeScaling::Kind::kLinear) {
    return {{"rope_type", "linear"}, {"factor", scaling.factor}};
  }
  return {{"rope_type", "llama3"},
          {"factor", scaling.factor},
          {"low_freq_factor", scaling.low_freq_factor},
          {"high_freq_factor", scaling.high_freq_factor},
          {"original_max_position_embeddings", scaling.original_max_position_embeddings}};
}

std::string_view ModelType(Architecture architecture) {
  switch (architecture) {
    case Architecture::kLlama:
      return "llama";
    case Architecture::kMistral:
      return "mistral";
    case Architecture::kQwen2:
      return "qwen2";
    case Architecture::kQwen3:
      return "qwen3";
  }
  return "unknown";
}

}  // namespace

std::string ModelConfigToJson(const ModelConfig& config) {
  json document = {
      {"architectures", {ArchitectureName(config.architecture)}},
      {"model_type", ModelType(config.architecture)},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.model_dim},
      {"num_hidden_layers", config.num_layers},
      {"num_attention_heads", config.num_heads},
      {"num_key_value_heads", config.num_kv_heads},
      {"head_dim", config.head_dim},
      {"intermediate_size", config.ffn_dim},
      {"hidden_act", "silu"},
      {"rms_norm_eps", config.rms_norm_eps},
      {"rope_theta", config.rope_theta},
      {"rope_scaling", RopeScalingToJson(config.rope_scaling)},
      {"max_position_embeddings", config.max_positions},
      {"tie_word_embeddings", config.tied_embeddings},
      {"attention_bias", config.attention_bias},
  };
  const json window = config.sliding_window > 0 ? json(config.sliding_window) : json(nullptr);
  if (config.architecture == Architecture::kLlama) {
    document["mlp_bias"] = config.mlp_bias;
  } else {
    document["sliding_window"] = window;
  }
  if (config.architecture == Architecture::kQwen2 || config.architecture == Architecture::kQwen3) {
    document["use_sliding_window"] = config.sliding_window > 0;
    document["max_window_layers"] =
        config.sliding_window > 0 ? config.first_sliding_layer : config.num_layers;
  }
  return document.dump();
}

}  // namespace halfling
