#include "engine/model/weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {
namespace {

// A tiny model's configuration and tensors, to spoil before they are loaded.
struct Parts {
  explicit Parts(const TinyModelOptions& options = {}) {
    ModelFileContents contents = TinyModelContents(options);
    config = ParseModelConfig(contents.config_json, "config").value();
    tensors = std::move(contents.tensors);
  }

  NamedTensor& tensor(std::string_view name) {
    const auto found = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const NamedTensor& t) { return t.name == name; });
    REQUIRE(found != tensors.end());
    return *found;
  }

  void Replace(std::string_view name, Shape shape, std::vector<float> values) {
    NamedTensor& replaced = tensor(name);
    replaced.dtype = DType::kF32;
    replaced.shape = std::move(shape);
    replaced.data = FromFloats(values, DType::kF32);
  }

  Result<ModelWeights> Load() const {
    const std::vector<std::byte> bytes = WriteSafetensors(tensors, {});
    const auto file = SafetensorsFile::Parse(bytes, "tiny.safetensors");
    if (!file) FAIL(file.error().message);
    return LoadWeights(config, *file);
  }

  ModelConfig config;
  std::vector<NamedTensor> tensors;
};

constexpr const char* kQuery = "model.layers.1.self_attn.q_proj";

TEST_CASE("Weights of every dtype load, dense and low-rank") {
  TinyModelOptions options;
  options.dtype = GENERATE(DType::kF32, DType::kF16, DType::kBF16);
  options.low_rank = GENERATE(false, true);
  options.tied = GENERATE(false, true);
  Parts parts(options);
  const auto weights = parts.Load();
  if (!weights) FAIL(weights.error().message);
  REQUIRE(weights->layers.size() == 2);
  const Linear& query = weights->layers[1].linear(LinearKind::kQuery);
  CHECK(query.is_low_rank() == options.low_rank);
  const std::string name = std::string(kQuery) + (options.low_rank ? ".left" : ".weight");
  const NamedTensor& stored = parts.tensor(name);
  const auto expected = ToFloats({stored.dtype, stored.shape, stored.data}, name).value();
  const Matrix loaded = options.low_rank ? query.UnpackLeft() : query.Unpack();
  CHECK(std::ranges::equal(loaded.values(), expected));
  CHECK(weights->head.rows() == (options.tied ? 0 : weights->embedding.rows()));
  CHECK(&weights->output_matrix() == (options.tied ? &weights->embedding : &weights->head));
  CHECK(CheckWeights(parts.config, *weights).has_value());
}

TEST_CASE("Weights load however they are stored, and are what was stored") {
  TinyModelOptions options;
  options.storage = GENERATE(Storage::kInt8, Storage::kInt4, Storage::kMixed);
  options.low_rank = GENERATE(false, true);
  options.pivoted = GENERATE(false, true);
  options.tied = GENERATE(false, true);
  Parts parts(options);
  const auto weights = parts.Load();
  if (!weights) FAIL(weights.error().message);
  CHECK(CheckWeights(parts.config, *weights).has_value());

  TinyModelOptions floats = options;
  floats.storage = Storage::kFloats;
  const auto originals = Parts(floats).Load();
  REQUIRE(originals);
  // Every matrix here has values within ±1 that fill their range.
  const double step = options.storage == Storage::kInt8 ? 1.0 / 127 : 1.0 / 7;
  const auto require_close = [&](const Matrix& loaded, const Matrix& original) {
    REQUIRE(loaded.values().size() == original.values().size());
    for (size_t i = 0; i < loaded.values().size(); ++i) {
      REQUIRE(std::abs(loaded.values()[i] - original.values()[i]) <= 0.51 * step);
    }
  };
  require_close(weights->embedding, originals->embedding);
  require_close(weights->output_matrix(), originals->output_matrix());
  for (const LinearKind kind : kLinearKinds) {
    CAPTURE(LinearKindName(kind));
    const Linear& loaded = weights->layers[1].linear(kind);
    const Linear& original = originals->layers[1].linear(kind);
    CHECK(loaded.form() == original.form());
    CHECK(loaded.is_pivoted() == options.pivoted);
    if (loaded.is_dense()) {
      require_close(loaded.Unpack(), original.Unpack());
      continue;
    }
    require_close(loaded.UnpackLeft(), original.UnpackLeft());
    require_close(loaded.UnpackRight(), original.UnpackRight());
    CHECK(std::ranges::equal(loaded.pivots(), original.pivots()));
  }
}

TEST_CASE("An int8 matrix runs as integers, others in f32") {
  TinyModelOptions options;
  options.storage = Storage::kInt8;
  const auto int8 = Parts(options).Load();
  REQUIRE(int8);
  const Linear& query = int8->layers[1].linear(LinearKind::kQuery);
  CHECK(std::holds_alternative<Int8Matrix>(query.StoredWeight()));
  options.storage = Storage::kInt4;
  const auto int4 = Parts(options).Load();
  REQUIRE(int4);
  const Linear& widened = int4->layers[1].linear(LinearKind::kQuery);
  CHECK(std::holds_alternative<Matrix>(widened.StoredWeight()));
}

TEST_CASE("An int8 matrix too wide for its sums is refused, where f32 is not") {
  constexpr int64_t kWide = static_cast<int64_t>(kernels::kMaxInt8InDim) + 1;
  Parts parts;
  parts.config.ffn_dim = static_cast<int>(kWide);
  const std::string layer = "model.layers.0.mlp.";
  for (const char* up : {"gate_proj.weight", "up_proj.weight"}) {
    parts.Replace(layer + up, {kWide, 16}, std::vector<float>(static_cast<size_t>(kWide * 16)));
  }
  NamedTensor& down = parts.tensor(layer + "down_proj.weight");
  down.dtype = DType::kI8;
  down.shape = {16, kWide};
  down.data.assign(static_cast<size_t>(16 * kWide), std::byte{1});
  parts.tensors.push_back({layer + "down_proj.weight_scale", DType::kF32, {16},
                           FromFloats(std::vector<float>(16, 1.0f), DType::kF32)});
  const auto weights = parts.Load();
  REQUIRE_FALSE(weights.has_value());
  CAPTURE(weights.error().message);
  CHECK(weights.error().code == ErrorCode::kTooLarge);
  CHECK(weights.error().message.find(layer + "down_proj.weight") != std::string::npos);
}

struct Spoiled {
  const char* what;
  bool low_rank;
  std::function<void(Parts&)> spoil;
  ErrorCode code;
  const char* names;  // what the message must name
};

TEST_CASE("Tensors that the configuration does not call for are refused by name") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Spoiled> cases = {
      {"missing", false,
       [](Parts& p) { p.tensor("model.layers.1.mlp.up_proj.weight").name = "else"; },
       ErrorCode::kMissingTensor, "model.layers.1.mlp.up_proj.weight"},
      {"transposed", false,
       [](Parts& p) { std::ranges::reverse(p.tensor("model.layers.0.mlp.up_proj.weight").shape); },
       ErrorCode::kShapeMismatch, "model.layers.0.mlp.up_proj.weight"},
      {"flattened", false,
       [](Parts& p) { p.Replace("model.layers.1.self_attn.q_proj.weight", {256},
                                std::vector<float>(256)); },
       ErrorCode::kShapeMismatch, kQuery},
      {"NaN", false,
       [nan](Parts& p) {
         std::vector<float> values(16, 1.0f);
         values[5] = nan;
         p.Replace("model.norm.weight", {16}, values);
       },
       ErrorCode::kNonFiniteWeight, "model.norm.weight[5]"},
      {"integers", false, [](Parts& p) { p.tensor("model.norm.weight").dtype = DType::kI32; },
       ErrorCode::kUnsupportedDType, "model.norm.weight"},
      {"a rank of 0", true,
       [](Parts& p) { p.Replace("model.layers.1.self_attn.q_proj.right", {0, 16}, {}); },
       ErrorCode::kShapeMismatch, "model.layers.1.self_attn.q_proj.right"},
      {"a rank beyond both dimensions", true,
       [](Parts& p) {
         p.Replace("model.layers.1.self_attn.q_proj.right", {17, 16}, std::vector<float>(17 * 16));
       },
       ErrorCode::kShapeMismatch, "model.layers.1.self_attn.q_proj.right"},
      {"ranks that differ", true,
       [](Parts& p) {
         p.Replace("model.layers.1.self_attn.q_proj.left", {16, 4}, std::vector<float>(64));
       },
       ErrorCode::kShapeMismatch, "model.layers.1.self_attn.q_proj.left"},
      {"a left factor alone", true,
       [](Parts& p) { p.tensor("model.layers.1.self_attn.q_proj.right").name = "else"; },
       ErrorCode::kMissingTensor, "model.layers.1.self_attn.q_proj.right"},
      {"a dense and a low-rank form", true,
       [](Parts& p) {
         p.tensors.push_back(p.tensor("model.layers.1.self_attn.q_proj.left"));
         p.tensors.back().name = "model.layers.1.self_attn.q_proj.weight";
       },
       ErrorCode::kDuplicateTensor, kQuery},
      {"a missing bias", false, [](Parts& p) { p.config.attention_bias = true; },
       ErrorCode::kMissingTensor, "model.layers.0.self_attn.q_proj.bias"},
      {"more layers than there are", false, [](Parts& p) { p.config.num_layers = 1000; },
       ErrorCode::kMissingTensor, "model.layers.2."},
  };
  for (const Spoiled& spoiled : cases) {
    CAPTURE(spoiled.what);
    TinyModelOptions options;
    options.low_rank = spoiled.low_rank;
    Parts parts(options);
    spoiled.spoil(parts);
    const auto weights = parts.Load();
    REQUIRE_FALSE(weights.has_value());
    CAPTURE(weights.error().message);
    CHECK(weights.error().code == spoiled.code);
    CHECK(weights.error().message.find(spoiled.names) != std::string::npos);
  }
}

TEST_CASE("A model that ties its embeddings needs no head, and one that does not does") {
  Parts parts;  // tied
  CHECK(parts.Load().has_value());
  parts.config.tied_embeddings = false;
  REQUIRE_FALSE(parts.Load().has_value());
  CHECK(parts.Load().error().message.find("lm_head.weight") != std::string::npos);
}

}  // namespace
}  // namespace halfling::testing
