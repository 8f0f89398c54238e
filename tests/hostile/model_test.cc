// Model directories whose parts contradict each other or the format.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

using Json = nlohmann::ordered_json;

Result<Recommender> LoadContents(const ModelFileContents& contents) {
  return Recommender::Load(WriteModelFile(contents));
}

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

size_t CountElements(const Shape& shape) {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

// Options that between them call for every kind of tensor.
std::vector<TinyModelOptions> AllKinds() {
  std::vector<TinyModelOptions> kinds(3);
  kinds[0].tied = false;
  kinds[1].architecture = "Qwen2ForCausalLM";
  kinds[1].low_rank = true;
  kinds[1].dtype = DType::kF16;
  kinds[2].architecture = "Qwen3ForCausalLM";
  kinds[2].dtype = DType::kBF16;
  return kinds;
}

// "model.layers.0.mlp.up_proj" of "….left": a missing factor is missed under its layer's name.
std::string LayerOf(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

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

TEST_CASE("Each tensor in turn: missing, of another shape, of a wrong dtype, not finite") {
  for (const TinyModelOptions& options : AllKinds()) {
    CAPTURE(options.architecture);
    const ModelFileContents valid = TinyModelContents(options);
    REQUIRE(LoadContents(valid));
    for (size_t i = 0; i < valid.tensors.size(); ++i) {
      const std::string& name = valid.tensors[i].name;
      CAPTURE(name);
      ModelFileContents contents = valid;
      contents.tensors.erase(contents.tensors.begin() + static_cast<std::ptrdiff_t>(i));
      RequireError(LoadContents(contents), ErrorCode::kMissingTensor, LayerOf(name));

      contents = valid;
      NamedTensor& tensor = contents.tensors[i];
      std::vector<float> values(CountElements(tensor.shape), 0.5f);
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
            -std::numeric_limits<float>::infinity()}) {
        values.back() = bad;
        tensor.data = FromFloats(values, tensor.dtype);
        RequireError(LoadContents(contents), ErrorCode::kNonFiniteWeight, name);
      }

      contents = valid;
      contents.tensors[i].dtype = DType::kI32;
      contents.tensors[i].data.resize(4 * values.size());
      RequireError(LoadContents(contents), ErrorCode::kUnsupportedDType, name);

      for (const int change : {0, 1, 2, 3}) {
        contents = valid;
        Shape& shape = contents.tensors[i].shape;
        if (change == 0) shape.front() += 1;
        if (change == 1) shape.push_back(1);
        if (change == 2) shape = {};
        if (change == 3) shape.front() = 0;
        contents.tensors[i].data.resize(DTypeSize(options.dtype) * CountElements(shape));
        RequireError(LoadContents(contents), ErrorCode::kShapeMismatch, LayerOf(name));
      }
    }
  }
}

TEST_CASE("Weights that are finite but overflow give an error or finite scores") {
  for (const TinyModelOptions& options : AllKinds()) {
    for (const float huge : {1e10f, 1e30f, 3e38f}) {
      ModelFileContents contents = TinyModelContents(options);
      for (NamedTensor& tensor : contents.tensors) {
        std::vector<float> values = *ToFloats({tensor.dtype, tensor.shape, tensor.data}, "");
        const float limit = tensor.dtype == DType::kF16 ? 65504.0f : huge;
        for (float& value : values) value = std::clamp(value * huge, -limit, limit);
        tensor.data = FromFloats(values, tensor.dtype);
      }
      auto recommender = LoadContents(contents);
      if (!recommender) FAIL(recommender.error().message);
      RecommendRequest request;
      request.history = {1, 2, 3};
      const auto items = recommender->Recommend(request);
      if (!items) {
        RequireErrorIs(items.error(), ErrorCode::kNonFiniteWeight, "not finite");
        continue;
      }
      for (const ScoredItem& item : *items) CHECK(std::isfinite(item.score));
    }
  }
}

TEST_CASE("A low-rank layer with both forms, or factors that do not meet") {
  TinyModelOptions options;
  options.low_rank = true;
  const ModelFileContents valid = TinyModelContents(options);
  const std::string layer = "model.layers.1.mlp.up_proj";
  ModelFileContents contents = valid;
  contents.tensors.push_back({layer + ".weight", DType::kF32, {24, 16}, {}});
  contents.tensors.back().data.resize(4 * 24 * 16);
  RequireError(LoadContents(contents), ErrorCode::kDuplicateTensor, layer);
  for (const int64_t rank : {0, 4, 17}) {
    contents = valid;
    for (NamedTensor& tensor : contents.tensors) {
      if (tensor.name != layer + ".left") continue;
      tensor.shape = {24, rank};
      tensor.data.resize(static_cast<size_t>(4 * 24 * rank));
    }
    RequireError(LoadContents(contents), ErrorCode::kShapeMismatch, layer);
  }
}

TEST_CASE("Catalogues that cannot be") {
  const ModelFileContents valid = TinyModelContents({});
  const auto refused = [&](auto change, ErrorCode code, const std::string& what) {
    ModelFileContents contents = valid;
    change(contents);
    RequireError(LoadContents(contents), code, what);
  };
  using Contents = ModelFileContents;
  refused([](Contents& c) { c.codes.clear(), c.popularity.clear(); }, ErrorCode::kEmptyCatalog,
          "catalog.codes");
  for (const int token : {16, -2, 2147483647, INT32_MIN}) {
    refused(
        [&](Contents& c) {
          c.codes[7] = {5, token};
        },
        ErrorCode::kInvalidCatalog, "catalog.codes[7][1]");
  }
  refused([](Contents& c) { c.codes[7] = {}; }, ErrorCode::kInvalidCatalog, "catalog.codes[7]");
  refused(
      [](Contents& c) {
        c.codes[7] = {5, -1, 6};
      },
      ErrorCode::kInvalidCatalog, "catalog.codes[7][2]");
  refused([](Contents& c) { c.codes[7] = {5, 5, 5, 5, 5, 5, 5, 5, 5}; }, ErrorCode::kInvalidCatalog,
          "catalog.codes");
  refused([](Contents& c) { c.popularity.pop_back(); }, ErrorCode::kInvalidCatalog,
          "catalog.popularity");
  refused([](Contents& c) { c.popularity.push_back(1); }, ErrorCode::kInvalidCatalog,
          "catalog.popularity");
  refused([](Contents& c) { c.popularity[3] = -1; }, ErrorCode::kInvalidCatalog,
          "catalog.popularity[3]");
  refused([](Contents& c) { std::swap(c.vocabulary_ids[2], c.vocabulary_ids[3]); },
          ErrorCode::kInvalidCatalog, "vocabulary.ids[3]");
  refused([](Contents& c) { c.vocabulary_ids[2] = c.vocabulary_ids[1]; },
          ErrorCode::kInvalidCatalog, "vocabulary.ids[2]");
  refused([](Contents& c) { c.vocabulary_ids[0] = -1; }, ErrorCode::kInvalidCatalog,
          "vocabulary.ids[0]");
  refused([](Contents& c) { c.vocabulary_ids.push_back(1000); }, ErrorCode::kShapeMismatch,
          "vocabulary.ids");
  refused([](Contents& c) { c.vocabulary_ids.resize(5); }, ErrorCode::kInvalidCatalog,
          "catalog.codes");
}

TEST_CASE("Catalogue tensors missing, of another dtype or rank") {
  for (const char* name : {"catalog.codes", "catalog.popularity", "vocabulary.ids"}) {
    CAPTURE(name);
    const auto edited = [&](auto change) {
      return Recommender::Load(
          WithEditedHeader([&](Json& header) { change(header, header[name]); }));
    };
    RequireError(edited([&](Json& header, Json& entry) {
                   header["renamed"] = Json(entry);
                   header.erase(name);
                 }),
                 ErrorCode::kMissingTensor, name);
    RequireError(edited([](Json&, Json& entry) { entry["dtype"] = "F32"; }),
                 ErrorCode::kUnsupportedDType, name);
    RequireError(edited([](Json&, Json& entry) { entry["dtype"] = "U32"; }),
                 ErrorCode::kUnsupportedDType, name);
    RequireError(edited([](Json&, Json& entry) { entry["shape"].push_back(1); }),
                 ErrorCode::kShapeMismatch, name);
  }
}

TEST_CASE("Shards missing, twice, misnamed, or sharing a tensor; their order does not matter") {
  const std::vector<FileBytes> valid = InTwoShards();
  REQUIRE(Recommender::Load(valid));
  REQUIRE(Recommender::Load({valid[1], valid[0]}));

  RequireError(Recommender::Load({}), ErrorCode::kTruncatedFile, "model-00001");
  RequireError(Recommender::Load({valid[0]}), ErrorCode::kTruncatedFile,
               "model-00002-of-00002.safetensors");
  RequireError(Recommender::Load({valid[1]}), ErrorCode::kTruncatedFile,
               "model-00001-of-00002.safetensors");
  RequireError(Recommender::Load({valid[0], valid[1], valid[1]}), ErrorCode::kDuplicateTensor,
               "model-00002-of-00002.safetensors");
  for (const char* name :
       {"", "model.safetensors", "model-00003-of-00002.safetensors",
        "model-00000-of-00002.safetensors", "model-1-of-2.safetensors",
        "../model-00002-of-00002.safetensors", "model-00002-of-99999.safetensors",
        "model-+0002-of-00002.safetensors", "model-00002-of-00002.safetensors.exe"}) {
    RequireError(Recommender::Load({valid[0], {name, valid[1].bytes}}), ErrorCode::kMalformedHeader,
                 name);
  }
  RequireError(Recommender::Load({valid[0], {ShardName(2, 3), valid[1].bytes}}),
               ErrorCode::kMalformedHeader, "model-00002-of-00003");
  RequireError(Recommender::Load({valid[0], {ShardName(2, 2), valid[0].bytes}}),
               ErrorCode::kDuplicateTensor, "catalog.codes");
  // The two exchanged: the first has no metadata.
  RequireError(
      Recommender::Load({{valid[1].name, valid[0].bytes}, {valid[0].name, valid[1].bytes}}),
      ErrorCode::kUnsupportedVersion, "format");
}

TEST_CASE("Requests out of range are refused, and the session goes on") {
  auto recommender = Recommender::Load(TinyModelShards({}));
  REQUIRE(recommender);
  RecommendRequest valid;
  valid.history = {1, 2};
  const auto expected = recommender->Recommend(valid);
  REQUIRE(expected);
  const auto refused = [&](auto change, ErrorCode code, const std::string& what) {
    RecommendRequest request = valid;
    change(request);
    RequireError(recommender->Recommend(request), code, what);
    const auto again = recommender->Recommend(valid);
    REQUIRE(again);
    REQUIRE(again->size() == expected->size());
    for (size_t i = 0; i < again->size(); ++i) {
      REQUIRE((*again)[i].item == (*expected)[i].item);
      REQUIRE((*again)[i].score == (*expected)[i].score);
    }
  };
  using Request = RecommendRequest;
  refused([](Request& r) { r.history.clear(); }, ErrorCode::kEmptyHistory, "history");
  refused([](Request& r) { r.history.assign(10'001, 1); }, ErrorCode::kHistoryTooLong, "10001");
  for (const int item : {-1, 30, 2147483647, INT32_MIN}) {
    const std::string number = std::to_string(item);
    refused(
        [&](Request& r) {
          r.history = {1, item};
        },
        ErrorCode::kUnknownItem, "history[1]: item " + number);
    refused([&](Request& r) { r.exclude = {item}; }, ErrorCode::kUnknownItem,
            "exclude[0]: item " + number);
    refused(
        [&](Request& r) {
          r.allow = {2, 3, item};
        },
        ErrorCode::kUnknownItem, "allow[2]: item " + number);
  }
  for (const int width : {0, -1, 1'001, 2147483647, INT32_MIN}) {
    refused([&](Request& r) { r.limit = width; }, ErrorCode::kInvalidRequest, "limit");
    refused([&](Request& r) { r.beam_width = width; }, ErrorCode::kInvalidRequest, "beam_width");
  }
  RequireError(recommender->ScoreAll({}), ErrorCode::kEmptyHistory, "history");
  RequireError(recommender->ScoreAll({30}), ErrorCode::kUnknownItem, "30");

  Request longest = valid;
  longest.history.assign(10'000, 1);
  longest.limit = 1'000;
  longest.beam_width = 1'000;
  const auto most = recommender->Recommend(longest);
  REQUIRE(most);
  CHECK(most->size() == 29);
}

}  // namespace halfling::testing
