// Configurations, metadata and prompts that contradict the format or the weights.
#include <cstdint>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

using Json = nlohmann::ordered_json;

// A tiny model with one configuration field set to `value`; null removes it.
Result<Recommender> LoadWithConfig(const std::string& field, const Json& value) {
  ModelFileContents contents = TinyModelContents({});
  Json config = Json::parse(contents.config_json);
  if (value.is_null()) {
    config.erase(field);
  } else {
    config[field] = value;
  }
  contents.config_json = config.dump();
  return LoadContents(contents);
}

Result<Recommender> LoadWithMetadata(const std::string& field, const std::string& text) {
  return Recommender::Load(
      WithEditedHeader([&](Json& header) { header["__metadata__"][field] = text; }));
}

constexpr int kWide = 1 << 20;

// The factor of a feed-forward layer with a feed-forward dimension of kWide and rank 1.
void MakeWide(NamedTensor& tensor) {
  const bool down = tensor.name.find("down_proj") != std::string::npos;
  const bool left = tensor.name.ends_with(".left");
  const int64_t size = left != down ? kWide : 16;
  tensor.shape = left ? std::vector<int64_t>{size, 1} : std::vector<int64_t>{1, size};
  tensor.data.assign(static_cast<size_t>(size) * 2, std::byte{0});
}

}  // namespace

TEST_CASE("A configuration value negative, zero, huge, fractional, of another type, or absent") {
  for (const char* field : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                            "intermediate_size", "max_position_embeddings"}) {
    CAPTURE(field);
    for (const int64_t value : {int64_t{0}, int64_t{-1}, INT64_MIN, int64_t{1} << 31, INT64_MAX}) {
      RequireError(LoadWithConfig(field, value), ErrorCode::kInvalidConfig, field);
    }
    for (const Json& value : {Json(1.5), Json(2.0), Json("16"), Json(true), Json::array({16})}) {
      RequireError(LoadWithConfig(field, value), ErrorCode::kMalformedJson, field);
    }
    RequireError(LoadWithConfig(field, nullptr), ErrorCode::kMalformedJson, field);
  }
  for (const char* field : {"num_key_value_heads", "head_dim"}) {
    for (const int64_t value : {int64_t{0}, int64_t{-4}, int64_t{1} << 40}) {
      RequireError(LoadWithConfig(field, value), ErrorCode::kInvalidConfig, field);
    }
    RequireError(LoadWithConfig(field, 2.5), ErrorCode::kMalformedJson, field);
  }
  RequireError(LoadWithConfig("num_key_value_heads", 3), ErrorCode::kInvalidConfig,
               "num_key_value_heads");
  RequireError(LoadWithConfig("head_dim", 3), ErrorCode::kInvalidConfig, "head_dim");
  for (const char* field : {"rms_norm_eps", "rope_theta"}) {
    RequireError(LoadWithConfig(field, -1.0), ErrorCode::kInvalidConfig, field);
    RequireError(LoadWithConfig(field, 0), ErrorCode::kInvalidConfig, field);
    RequireError(LoadWithConfig(field, 1e300), ErrorCode::kInvalidConfig, field);
    RequireError(LoadWithConfig(field, "1"), ErrorCode::kMalformedJson, field);
  }
}

TEST_CASE("Sizes within their range that the weights do not have end before they are allocated") {
  constexpr int kLargest = 1 << 24;
  RequireError(LoadWithConfig("vocab_size", kLargest), ErrorCode::kShapeMismatch, "vocabulary.ids");
  RequireError(LoadWithConfig("hidden_size", kLargest), ErrorCode::kShapeMismatch, "embed_tokens");
  RequireError(LoadWithConfig("intermediate_size", kLargest), ErrorCode::kShapeMismatch, "mlp");
  RequireError(LoadWithConfig("num_hidden_layers", 1000), ErrorCode::kMissingTensor, "layers.2.");
  RequireError(LoadWithConfig("num_attention_heads", 1 << 20), ErrorCode::kShapeMismatch,
               "self_attn");
  RequireError(LoadWithConfig("head_dim", 1000), ErrorCode::kShapeMismatch, "self_attn");
  // More positions than there is memory for tables of them are no harm.
  auto recommender = LoadWithConfig("max_position_embeddings", kLargest);
  REQUIRE(recommender);
  RecommendRequest request;
  request.history = {1};
  CHECK(recommender->Recommend(request));
}

TEST_CASE("Options that this build does not run") {
  const auto unsupported = [](const char* field, const Json& value) {
    RequireError(LoadWithConfig(field, value), ErrorCode::kUnsupportedModel, field);
  };
  unsupported("architectures", {"GPT2LMHeadModel"});
  unsupported("hidden_act", "gelu");
  unsupported("rope_scaling", {{"rope_type", "yarn"}, {"factor", 2.0}});
  unsupported("quantization_config", {{"bits", 4}});
  RequireError(LoadWithConfig("architectures", Json::array()), ErrorCode::kMalformedJson,
               "architectures");
  RequireError(LoadWithConfig("rope_scaling", 5), ErrorCode::kMalformedJson, "rope_scaling");
}

TEST_CASE("Metadata that is missing, of another version, or malformed") {
  for (const char* field : {"format", "config", "prompt"}) {
    const auto without = Recommender::Load(
        WithEditedHeader([&](Json& header) { header["__metadata__"].erase(field); }));
    RequireError(
        without,
        field == std::string("format") ? ErrorCode::kUnsupportedVersion : ErrorCode::kMalformedJson,
        field);
  }
  RequireError(
      Recommender::Load(WithEditedHeader([](Json& header) { header.erase("__metadata__"); })),
      ErrorCode::kUnsupportedVersion, "format");
  RequireError(LoadWithMetadata("format", "halfling-2"), ErrorCode::kUnsupportedVersion,
               "halfling-2");
  for (const char* field : {"config", "prompt"}) {
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[]"), std::string("7"),
          std::string(100'000, '['), std::string(R"({"a":1,"a":2})")}) {
      RequireError(LoadWithMetadata(field, text), ErrorCode::kMalformedJson, field);
    }
  }
}

TEST_CASE("Prompts with tokens outside the vocabulary, no length, or no end") {
  const auto refused = [](const std::string& field, const Json& value, ErrorCode code) {
    Json prompt = {{"prefix", {0}}, {"separator", {2}}, {"suffix", {3}}, {"max_history", 6}};
    if (value.is_null()) {
      prompt.erase(field);
    } else {
      prompt[field] = value;
    }
    RequireError(LoadWithMetadata("prompt", prompt.dump()), code, field);
  };
  for (const char* field : {"prefix", "separator", "suffix"}) {
    refused(field, nullptr, ErrorCode::kMalformedJson);
    refused(field, 1, ErrorCode::kMalformedJson);
    refused(field, {1.5}, ErrorCode::kMalformedJson);
    refused(field, {"1"}, ErrorCode::kMalformedJson);
    refused(field, {0, -1}, ErrorCode::kInvalidConfig);
    refused(field, {16}, ErrorCode::kInvalidConfig);
    refused(field, {2147483648}, ErrorCode::kInvalidConfig);
    refused(field, std::vector<int>(100'000, 1), ErrorCode::kTooLarge);
  }
  refused("max_history", nullptr, ErrorCode::kMalformedJson);
  refused("max_history", 2.5, ErrorCode::kMalformedJson);
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{10'001}, INT64_MAX}) {
    refused("max_history", value, ErrorCode::kInvalidConfig);
  }
  ModelFileContents contents = TinyModelContents({});
  contents.prompt.max_history = 100;  // more than 128 positions hold
  RequireError(LoadContents(contents), ErrorCode::kInvalidConfig, "max_position_embeddings");
}

TEST_CASE("A prompt or activations beyond what memory holds are refused at loading") {
  ModelFileContents contents = TinyModelContents({});
  Json config = Json::parse(contents.config_json);
  config["max_position_embeddings"] = 1 << 24;
  contents.config_json = config.dump();
  contents.prompt.max_history = 10'000;
  contents.prompt.separator.assign(1'000, 2);
  RequireError(LoadContents(contents), ErrorCode::kTooLarge, "tokens");

  // Factors of rank 1 make a dimension of 2^20 cheap in the file; 2^12 tokens of it would be 2^32
  // numbers, which a 32-bit size counts as none.
  TinyModelOptions options;
  options.low_rank = true;
  options.dtype = DType::kF16;
  contents = TinyModelContents(options);
  config["intermediate_size"] = kWide;
  config["max_position_embeddings"] = 4'096;
  contents.config_json = config.dump();
  contents.prompt.prefix.assign(4'000, 2);
  for (NamedTensor& tensor : contents.tensors) {
    if (tensor.name.find(".mlp.") != std::string::npos) MakeWide(tensor);
  }
  RequireError(LoadContents(contents), ErrorCode::kTooLarge, "dimensions");
}

}  // namespace halfling::testing
