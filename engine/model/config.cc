#include "engine/model/config.h"

#include <array>
#include <utility>

#include "engine/model/json_fields.h"
#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

using Fields = JsonFields;

constexpr int kDefaultSlidingWindow = 4096;  // of MistralConfig and Qwen2Config
constexpr int kMaxSize = 1 << 24;            // of any dimension; the product of two fits 48 bits
constexpr int kMaxLayers = 1024;
constexpr int kMaxHeadDim = 1024;

constexpr std::array<std::pair<Architecture, std::string_view>, 4> kArchitectures = {{
    {Architecture::kLlama, "LlamaForCausalLM"},
    {Architecture::kMistral, "MistralForCausalLM"},
    {Architecture::kQwen2, "Qwen2ForCausalLM"},
    {Architecture::kQwen3, "Qwen3ForCausalLM"},
}};

Result<Architecture> ReadArchitecture(const Fields& fields) {
  const JsonValue* const field = fields.Find("architectures");
  const JsonValue::Array* const names = field == nullptr ? nullptr : field->AsArray();
  const std::string* const name =
      names == nullptr || names->size() != 1 ? nullptr : names->front().AsString();
  if (name == nullptr) {
    return Fail(ErrorCode::kMalformedJson, fields.At("architectures"),
                " must be an array of one string");
  }
  for (const auto& [architecture, known] : kArchitectures) {
    if (*name == known) return architecture;
  }
  return Fail(ErrorCode::kUnsupportedModel, fields.At("architectures"), " is ", Quoted(*name),
              ", expected LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM or "
              "Qwen3ForCausalLM");
}

Status ReadSizes(const Fields& fields, ModelConfig& config) {
  HALFLING_RETURN_IF_ERROR(fields.ReadRequired("vocab_size", 1, kMaxSize, config.vocab_size));
  HALFLING_RETURN_IF_ERROR(fields.ReadRequired("hidden_size", 1, kMaxSize, config.model_dim));
  HALFLING_RETURN_IF_ERROR(
      fields.ReadRequired("num_hidden_layers", 1, kMaxLayers, config.num_layers));
  HALFLING_RETURN_IF_ERROR(
      fields.ReadRequired("num_attention_heads", 1, kMaxSize, config.num_heads));
  HALFLING_RETURN_IF_ERROR(fields.ReadRequired("intermediate_size", 1, kMaxSize, config.ffn_dim));
  HALFLING_RETURN_IF_ERROR(
      fields.ReadRequired("max_position_embeddings", 1, kMaxSize, config.max_positions));

  config.num_kv_heads = config.num_heads;
  HALFLING_RETURN_IF_ERROR(
      fields.Read("num_key_value_heads", 1, config.num_heads, config.num_kv_heads));
  if (config.num_heads % config.num_kv_heads != 0) {
    return Fail(ErrorCode::kInvalidConfig, fields.At("num_attention_heads"), " is ",
                config.num_heads, ", expected a multiple of num_key_value_heads, ",
                config.num_kv_heads);
  }

  const bool is_qwen3 = config.architecture == Architecture::kQwen3;
  config.head_dim = is_qwen3 ? 128 : config.model_dim / config.num_heads;
  HALFLING_RETURN_IF_ERROR(fields.Read("head_dim", 1, kMaxHeadDim, config.head_dim));
  if (config.head_dim < 2 || config.head_dim > kMaxHeadDim || config.head_dim % 2 != 0) {
    return Fail(ErrorCode::kInvalidConfig, fields.At("head_dim"),
                " (or hidden_size / num_attention_heads) is ", config.head_dim,
                ", expected an even number from 2 to ", kMaxHeadDim);
  }
  if (int64_t{config.num_heads} * config.head_dim > kMaxSize) {
    return Fail(ErrorCode::kInvalidConfig, fields.At("num_attention_heads"),
                " times head_dim is beyond ", kMaxSize);
  }
  return {};
}

// The biases, norms and tying that the architecture has, as transformers builds them.
Status ReadOptions(const Fields& fields, ModelConfig& config) {
  HALFLING_RETURN_IF_ERROR(fields.Read("tie_word_embeddings", config.tied_embeddings));
  switch (config.architecture) {
    case Architecture::kLlama:
      HALFLING_RETURN_IF_ERROR(fields.Read("attention_bias", config.attention_bias));
      HALFLING_RETURN_IF_ERROR(fields.Read("mlp_bias", config.mlp_bias));
      config.output_bias = config.attention_bias;
      break;
    case Architecture::kMistral:
      break;
    case Architecture::kQwen2:
      config.attention_bias = true;
      break;
    case Architecture::kQwen3:
      HALFLING_RETURN_IF_ERROR(fields.Read("attention_bias", config.attention_bias));
      config.output_bias = config.attention_bias;
      config.qk_norm = true;
      break;
  }

  std::string activation = "silu";
  HALFLING_RETURN_IF_ERROR(fields.Read("hidden_act", activation));
  if (activation != "silu" && activation != "swish") {
    return Fail(ErrorCode::kUnsupportedModel, fields.At("hidden_act"), " is ", Quoted(activation),
                ", expected silu");
  }
  if (fields.Has("quantization_config")) {
    return Fail(ErrorCode::kUnsupportedModel, fields.At("quantization_config"),
                " is set, expected unquantized weights");
  }
  return fields.Read("rms_norm_eps", 1e-12, 1.0, config.rms_norm_eps);
}

Status RequireNumber(const Fields& fields, std::string_view key) {
  if (fields.Has(key)) return {};
  return Fail(ErrorCode::kMalformedJson, fields.At(key), " is missing, expected a number");
}

Status ReadLlama3Scaling(const Fields& fields, RopeScaling& scaling) {
  for (std::string_view key : {"low_freq_factor", "high_freq_factor"}) {
    HALFLING_RETURN_IF_ERROR(RequireNumber(fields, key));
  }
  HALFLING_RETURN_IF_ERROR(fields.Read("low_freq_factor", 1e-3, 1e6, scaling.low_freq_factor));
  HALFLING_RETURN_IF_ERROR(fields.Read("high_freq_factor", 1e-3, 1e6, scaling.high_freq_factor));
  HALFLING_RETURN_IF_ERROR(fields.Read("original_max_position_embeddings", 1, kMaxSize,
                                       scaling.original_max_position_embeddings));
  if (!(scaling.low_freq_factor < scaling.high_freq_factor)) {
    return Fail(ErrorCode::kInvalidConfig, fields.At("low_freq_factor"),
                " must be below high_freq_factor");
  }
  return {};
}

// `fields`: rope_scaling, or the rope_parameters of transformers 5.
Status ReadRopeScaling(const Fields& fields, RopeScaling& scaling) {
  std::string type = "default";
  HALFLING_RETURN_IF_ERROR(fields.Read("type", type));
  HALFLING_RETURN_IF_ERROR(fields.Read("rope_type", type));
  if (type == "default") return {};
  if (type != "linear" && type != "llama3") {
    return Fail(ErrorCode::kUnsupportedModel, fields.At("rope_type"), " is ", Quoted(type),
                ", expected default, linear or llama3");
  }
  HALFLING_RETURN_IF_ERROR(RequireNumber(fields, "factor"));
  HALFLING_RETURN_IF_ERROR(fields.Read("factor", 1.0, 1e6, scaling.factor));
  scaling.kind = type == "linear" ? RopeScaling::Kind::kLinear : RopeScaling::Kind::kLlama3;
  return scaling.kind == RopeScaling::Kind::kLlama3 ? ReadLlama3Scaling(fields, scaling) : Status();
}

Status ReadRope(const Fields& fields, ModelConfig& config) {
  config.rope_scaling.original_max_position_embeddings = config.max_positions;
  double rotary_factor = 1.0;
  HALFLING_RETURN_IF_ERROR(fields.Read("rope_theta", 1.0, 1e12, config.rope_theta));
  HALFLING_RETURN_IF_ERROR(fields.Read("partial_rotary_factor", 0.0, 1.0, rotary_factor));
  for (std::string_view key : {"rope_parameters", "rope_scaling"}) {
    if (!fields.Has(key)) continue;
    HALFLING_ASSIGN_OR_RETURN(const Fields rope, fields.Object(key));
    HALFLING_RETURN_IF_ERROR(rope.Read("rope_theta", 1.0, 1e12, config.rope_theta));
    HALFLING_RETURN_IF_ERROR(rope.Read("partial_rotary_factor", 0.0, 1.0, rotary_factor));
    HALFLING_RETURN_IF_ERROR(ReadRopeScaling(rope, config.rope_scaling));
  }
  if (config.rope_scaling.kind != RopeScaling::Kind::kLlama3) {
    config.rope_scaling.original_max_position_embeddings =
        RopeScaling().original_max_position_embeddings;
  }
  if (rotary_factor < 1.0) {
    return Fail(ErrorCode::kUnsupportedModel, fields.At("partial_rotary_factor"),
                " is below 1, expected every dimension to be rotated");
  }
  return {};
}

// Qwen's "layer_types": full attention up to first_sliding_layer, sliding from there on.
Status CheckLayerTypes(const Fields& fields, const ModelConfig& config) {
  const JsonValue* const field = fields.Find("layer_types");
  if (field == nullptr) return {};
  const JsonValue::Array* const types = field->AsArray();
  if (types == nullptr || types->size() != static_cast<size_t>(config.num_layers)) {
    return Fail(ErrorCode::kMalformedJson, fields.At("layer_types"), " must be an array of ",
                config.num_layers, " strings");
  }
  for (int layer = 0; layer < config.num_layers; ++layer) {
    const bool sliding = config.sliding_window > 0 && layer >= config.first_sliding_layer;
    const std::string_view expected = sliding ? "sliding_attention" : "full_attention";
    const std::string* const type = (*types)[static_cast<size_t>(layer)].AsString();
    if (type == nullptr || *type != expected) {
      return Fail(ErrorCode::kUnsupportedModel, fields.At("layer_types"), "[", layer, "] must be ",
                  expected, ", as sliding_window and max_window_layers say");
    }
  }
  return {};
}

Status ReadSlidingWindow(const Fields& fields, ModelConfig& config) {
  int window = 0;
  if (config.architecture == Architecture::kMistral) {
    window = fields.Contains("sliding_window") ? 0 : kDefaultSlidingWindow;  // null: none
    HALFLING_RETURN_IF_ERROR(fields.Read("sliding_window", 1, kMaxSize, window));
  } else if (config.architecture != Architecture::kLlama) {
    bool enabled = false;
    HALFLING_RETURN_IF_ERROR(fields.Read("use_sliding_window", enabled));
    if (enabled) {
      window = fields.Contains("sliding_window") ? 0 : kDefaultSlidingWindow;
      config.first_sliding_layer = 28;
      HALFLING_RETURN_IF_ERROR(fields.Read("sliding_window", 1, kMaxSize, window));
      HALFLING_RETURN_IF_ERROR(
          fields.Read("max_window_layers", 0, kMaxSize, config.first_sliding_layer));
    }
  }
  config.sliding_window = window;
  HALFLING_RETURN_IF_ERROR(CheckLayerTypes(fields, config));
  if (config.sliding_window >= config.max_positions ||
      config.first_sliding_layer >= config.num_layers) {
    config.sliding_window = 0;  // never reached
    config.first_sliding_layer = 0;
  }
  return {};
}

}  // namespace

std::string_view ArchitectureName(Architecture architecture) {
  for (const auto& [known, name] : kArchitectures) {
    if (known == architecture) return name;
  }
  return "unknown";
}

Result<ModelConfig> ParseModelConfig(std::string_view text, std::string_view where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(text, where));
  if (document.AsObject() == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, " must be a JSON object");
  }
  const Fields fields(document, std::string(where));
  ModelConfig config;
  HALFLING_ASSIGN_OR_RETURN(config.architecture, ReadArchitecture(fields));
  HALFLING_RETURN_IF_ERROR(ReadSizes(fields, config));
  HALFLING_RETURN_IF_ERROR(ReadOptions(fields, config));
  HALFLING_RETURN_IF_ERROR(ReadRope(fields, config));
  HALFLING_RETURN_IF_ERROR(ReadSlidingWindow(fields, config));
  return config;
}

}  // namespace halfling
