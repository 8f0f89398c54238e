#include "engine/model/config.h"

#include <nlohmann/json.hpp>

#include "tests/engine/model/golden_model.h"

namespace halfling::testing {
namespace {

using nlohmann::json;

json LlamaJson() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"vocab_size", 100},
          {"hidden_size", 32},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"intermediate_size", 64},
          {"max_position_embeddings", 128}};
}

json With(const json& changes) {
  json config = LlamaJson();
  config.update(changes);
  return config;
}

ModelConfig Parse(const json& config) {
  auto parsed = ParseModelConfig(config.dump(), "config.json");
  if (!parsed) FAIL(parsed.error().message);
  return *parsed;
}

TEST_CASE("Absent fields have transformers' defaults") {
  const ModelConfig config = Parse(LlamaJson());
  CHECK(config.architecture == Architecture::kLlama);
  CHECK(config.num_kv_heads == 4);
  CHECK(config.head_dim == 8);
  CHECK(config.rms_norm_eps == 1e-6);
  CHECK(config.rope_theta == 10000.0);
  CHECK(config.rope_scaling == RopeScaling());
  CHECK(config.sliding_window == 0);
  CHECK_FALSE(config.tied_embeddings);
  CHECK_FALSE(config.attention_bias);
  CHECK_FALSE(config.output_bias);
  CHECK_FALSE(config.mlp_bias);
  CHECK_FALSE(config.qk_norm);
  CHECK(Parse(With({{"head_dim", nullptr}, {"num_key_value_heads", nullptr}})) == config);
}

TEST_CASE("Each architecture has its own biases and norms") {
  const ModelConfig llama = Parse(With({{"attention_bias", true}, {"mlp_bias", true}}));
  CHECK(llama.attention_bias);
  CHECK(llama.output_bias);
  CHECK(llama.mlp_bias);
  const ModelConfig mistral =
      Parse(With({{"architectures", {"MistralForCausalLM"}}, {"num_key_value_heads", 2}}));
  CHECK_FALSE(mistral.attention_bias);
  const ModelConfig qwen2 = Parse(With({{"architectures", {"Qwen2ForCausalLM"}}}));
  CHECK(qwen2.attention_bias);
  CHECK_FALSE(qwen2.output_bias);
  CHECK_FALSE(qwen2.qk_norm);
  const ModelConfig qwen3 = Parse(With({{"architectures", {"Qwen3ForCausalLM"}}}));
  CHECK_FALSE(qwen3.attention_bias);
  CHECK(qwen3.qk_norm);
  CHECK(qwen3.head_dim == 128);  // not hidden_size / num_attention_heads: Qwen3's own default
}

TEST_CASE("RoPE is read alike from the fields of transformers 4 and 5") {
  const json llama3 = {{"factor", 8.0},
                       {"low_freq_factor", 1.5},
                       {"high_freq_factor", 4.5},
                       {"original_max_position_embeddings", 64}};
  json old_scaling = llama3;
  old_scaling["type"] = "llama3";
  json new_parameters = llama3;
  new_parameters["rope_type"] = "llama3";
  new_parameters["rope_theta"] = 500000.0;
  const ModelConfig old_config =
      Parse(With({{"rope_theta", 500000.0}, {"rope_scaling", old_scaling}}));
  CHECK(old_config == Parse(With({{"rope_parameters", new_parameters}})));
  CHECK(old_config.rope_theta == 500000.0);
  CHECK(old_config.rope_scaling.kind == RopeScaling::Kind::kLlama3);
  CHECK(old_config.rope_scaling.factor == 8.0);
  CHECK(old_config.rope_scaling.low_freq_factor == 1.5);
  CHECK(old_config.rope_scaling.high_freq_factor == 4.5);
  CHECK(old_config.rope_scaling.original_max_position_embeddings == 64);

  const ModelConfig linear =
      Parse(With({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2}}}}));
  CHECK(linear.rope_scaling.kind == RopeScaling::Kind::kLinear);
  CHECK(linear.rope_scaling.factor == 2.0);
  CHECK(Parse(With({{"rope_scaling", {{"type", "default"}}}})) == Parse(LlamaJson()));
}

TEST_CASE("A sliding window is kept where it can matter") {
  const auto mistral = [](json window) {
    return Parse(With({{"architectures", {"MistralForCausalLM"}}, {"sliding_window", window}}));
  };
  CHECK(mistral(16).sliding_window == 16);
  CHECK(mistral(127).sliding_window == 127);
  CHECK(mistral(128).sliding_window == 0);
  CHECK(mistral(nullptr).sliding_window == 0);
  // Absent and null differ, as in transformers: 4096 and none.
  const json long_mistral = {{"architectures", {"MistralForCausalLM"}},
                             {"max_position_embeddings", 8192}};
  CHECK(Parse(With(long_mistral)).sliding_window == 4096);

  const json qwen = {{"architectures", {"Qwen2ForCausalLM"}},
                     {"use_sliding_window", true},
                     {"sliding_window", 16},
                     {"max_window_layers", 1}};
  CHECK(Parse(With(qwen)).sliding_window == 16);
  CHECK(Parse(With(qwen)).first_sliding_layer == 1);
  json none = qwen;
  none["sliding_window"] = nullptr;
  CHECK(Parse(With(none)).sliding_window == 0);
  json unused = qwen;
  unused["use_sliding_window"] = false;
  CHECK(Parse(With(unused)).sliding_window == 0);
  unused = qwen;
  unused["max_window_layers"] = 2;
  CHECK(Parse(With(unused)).sliding_window == 0);
  unused = qwen;
  unused["layer_types"] = {"full_attention", "sliding_attention"};
  CHECK(Parse(With(unused)) == Parse(With(qwen)));
}

TEST_CASE("Every golden configuration survives being written and read again") {
  const std::string name = GENERATE(from_range(std::begin(kGoldens), std::end(kGoldens)));
  CAPTURE(name);
  const auto config =
      ParseModelConfig(ReadTestData("golden/" + name + "/config.json"), "config.json");
  REQUIRE(config.has_value());
  const auto again = ParseModelConfig(ModelConfigToJson(*config), "again");
  if (!again) FAIL(again.error().message);
  CHECK(*again == *config);
}

struct Refused {
  json changes;
  ErrorCode code;
  const char* names;  // what the message must name
};

TEST_CASE("Configurations that this engine does not run are refused by field") {
  const std::vector<Refused> cases = {
      {{{"architectures", {"GPT2LMHeadModel"}}}, ErrorCode::kUnsupportedModel, "GPT2LMHeadModel"},
      {{{"architectures", json::array()}}, ErrorCode::kMalformedJson, "architectures"},
      {{{"architectures", 3}}, ErrorCode::kMalformedJson, "architectures"},
      {{{"vocab_size", nullptr}}, ErrorCode::kMalformedJson, "vocab_size"},
      {{{"vocab_size", "many"}}, ErrorCode::kMalformedJson, "vocab_size"},
      {{{"vocab_size", 0}}, ErrorCode::kInvalidConfig, "vocab_size"},
      {{{"vocab_size", 18446744073709551615ull}}, ErrorCode::kInvalidConfig, "vocab_size"},
      {{{"hidden_size", -32}}, ErrorCode::kInvalidConfig, "hidden_size"},
      {{{"hidden_size", 32.5}}, ErrorCode::kMalformedJson, "hidden_size"},
      {{{"num_hidden_layers", 1000000}}, ErrorCode::kInvalidConfig, "num_hidden_layers"},
      {{{"num_attention_heads", 64}}, ErrorCode::kInvalidConfig, "head_dim"},
      {{{"num_attention_heads", 16777216}, {"head_dim", 1024}},
       ErrorCode::kInvalidConfig,
       "num_attention_heads"},
      {{{"num_key_value_heads", 3}}, ErrorCode::kInvalidConfig, "num_key_value_heads"},
      {{{"num_key_value_heads", 8}}, ErrorCode::kInvalidConfig, "num_key_value_heads"},
      {{{"head_dim", 7}}, ErrorCode::kInvalidConfig, "head_dim"},
      {{{"head_dim", 1 << 20}}, ErrorCode::kInvalidConfig, "head_dim"},
      {{{"max_position_embeddings", 0}}, ErrorCode::kInvalidConfig, "max_position_embeddings"},
      {{{"rms_norm_eps", 0}}, ErrorCode::kInvalidConfig, "rms_norm_eps"},
      {{{"rms_norm_eps", true}}, ErrorCode::kMalformedJson, "rms_norm_eps"},
      {{{"rope_theta", 1e300}}, ErrorCode::kInvalidConfig, "rope_theta"},
      {{{"rope_theta", -1}}, ErrorCode::kInvalidConfig, "rope_theta"},
      {{{"rope_scaling", {{"type", "yarn"}, {"factor", 2}}}}, ErrorCode::kUnsupportedModel, "yarn"},
      {{{"rope_scaling", {{"type", "linear"}}}}, ErrorCode::kMalformedJson, "factor"},
      {{{"rope_scaling", {{"type", "linear"}, {"factor", 0}}}},
       ErrorCode::kInvalidConfig,
       "factor"},
      {{{"rope_scaling", "linear"}}, ErrorCode::kMalformedJson, "rope_scaling"},
      {{{"rope_scaling",
         {{"type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}}}},
       ErrorCode::kInvalidConfig,
       "low_freq_factor"},
      {{{"rope_scaling", {{"type", "llama3"}, {"factor", 8}, {"low_freq_factor", 1}}}},
       ErrorCode::kMalformedJson,
       "high_freq_factor"},
      {{{"partial_rotary_factor", 0.5}}, ErrorCode::kUnsupportedModel, "partial_rotary_factor"},
      {{{"hidden_act", "gelu"}}, ErrorCode::kUnsupportedModel, "hidden_act"},
      {{{"tie_word_embeddings", "yes"}}, ErrorCode::kMalformedJson, "tie_word_embeddings"},
      {{{"quantization_config", {{"bits", 4}}}},
       ErrorCode::kUnsupportedModel,
       "quantization_config"},
      {{{"architectures", {"MistralForCausalLM"}}, {"sliding_window", 0}},
       ErrorCode::kInvalidConfig,
       "sliding_window"},
      {{{"architectures", {"Qwen2ForCausalLM"}},
        {"layer_types", {"sliding_attention", "full_attention"}}},
       ErrorCode::kUnsupportedModel,
       "layer_types"},
  };
  for (const Refused& refused : cases) {
    CAPTURE(refused.changes.dump());
    const auto config = ParseModelConfig(With(refused.changes).dump(), "config.json");
    REQUIRE_FALSE(config.has_value());
    CAPTURE(config.error().message);
    CHECK(config.error().code == refused.code);
    CHECK(config.error().message.find("config.json") != std::string::npos);
    CHECK(config.error().message.find(refused.names) != std::string::npos);
  }
}

TEST_CASE("Text that is no JSON object is refused") {
  for (const char* text : {"", "{", "[]", "null", "{\"vocab_size\": 1} trailing"}) {
    CAPTURE(text);
    const auto config = ParseModelConfig(text, "config.json");
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().code == ErrorCode::kMalformedJson);
  }
}

}  // namespace
}  // namespace halfling::testing
