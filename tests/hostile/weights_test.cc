// Weights missing, misshapen, of a wrong dtype, or not finite.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

size_t CountElements(const Shape& shape) {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

// Options that between them call for every kind of tensor.
std::vector<TinyModelOptions> AllKinds() {
  std::vector<TinyModelOptions> kinds(6);
  kinds[0].tied = false;
  kinds[1].architecture = "Qwen2ForCausalLM";
  kinds[1].low_rank = true;
  kinds[1].dtype = DType::kF16;
  kinds[2].architecture = "Qwen3ForCausalLM";
  kinds[2].dtype = DType::kBF16;
  kinds[3].storage = Storage::kInt8;
  kinds[3].low_rank = true;
  kinds[4].storage = Storage::kInt4;
  kinds[4].tied = false;
  kinds[5].storage = Storage::kMixed;
  kinds[5].pivoted = true;
  return kinds;
}

// A scale times an integer of int8 must be finite.
constexpr float kLargestScale = std::numeric_limits<float>::max() / 128;

// "model.layers.0.mlp.up_proj" of "….left": a missing factor is missed under its layer's name.
std::string LayerOf(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

}  // namespace

TEST_CASE("Each tensor in turn: missing, of another shape, of a wrong dtype, not finite") {
  for (const TinyModelOptions& options : AllKinds()) {
    const ModelFileContents valid = TinyModelContents(options);
    REQUIRE(LoadContents(valid));
    for (size_t i = 0; i < valid.tensors.size(); ++i) {
      const std::string& name = valid.tensors[i].name;
      CAPTURE(options.architecture, name);
      const bool is_float = IsFloat(valid.tensors[i].dtype);
      const bool is_pivots = name.ends_with(".pivots");
      ModelFileContents contents = valid;
      contents.tensors.erase(contents.tensors.begin() + static_cast<std::ptrdiff_t>(i));
      // Without its pivots a layer is a low-rank one, whose left factor must have more rows.
      RequireError(LoadContents(contents),
                   is_pivots ? ErrorCode::kShapeMismatch : ErrorCode::kMissingTensor,
                   LayerOf(name));

      contents = valid;
      NamedTensor& tensor = contents.tensors[i];
      std::vector<float> values(CountElements(tensor.shape), 0.5f);
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
            -std::numeric_limits<float>::infinity()}) {
        if (!is_float) break;
        values.back() = bad;
        tensor.data = FromFloats(values, tensor.dtype);
        RequireError(LoadContents(contents), ErrorCode::kNonFiniteWeight, name);
      }

      contents = valid;
      contents.tensors[i].dtype = is_pivots ? DType::kF32 : DType::kI32;
      contents.tensors[i].data.resize(4 * values.size());
      RequireError(LoadContents(contents), ErrorCode::kUnsupportedDType, name);

      for (const int change : {0, 1, 2, 3}) {
        contents = valid;
        Shape& shape = contents.tensors[i].shape;
        if (change == 0) shape.front() += 1;
        if (change == 1) shape.push_back(1);
        if (change == 2) shape = {};
        if (change == 3) shape.front() = 0;
        contents.tensors[i].data.resize(DTypeSize(contents.tensors[i].dtype) *
                                        CountElements(shape));
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
        if (!IsFloat(tensor.dtype)) continue;
        std::vector<float> values = *ToFloats({tensor.dtype, tensor.shape, tensor.data}, "");
        const bool is_scale = tensor.name.ends_with("_scale");
        const float largest = is_scale ? std::min(huge, kLargestScale) : huge;
        const float limit = tensor.dtype == DType::kF16 ? 65504.0f : largest;
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

struct Invalid {
  const char* tensor;
  size_t index;  // of the element that is replaced
  std::vector<std::byte> bytes;
  ErrorCode code;
};

template <typename T>
std::vector<std::byte> BytesOf(T value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> F16(float value) {
  return FromFloats(std::span(&value, 1), DType::kF16);
}

void RequireRefused(const TinyModelOptions& options, const std::vector<Invalid>& cases) {
  const ModelFileContents valid = TinyModelContents(options);
  REQUIRE(LoadContents(valid));
  for (const Invalid& invalid : cases) {
    CAPTURE(invalid.tensor, invalid.index);
    ModelFileContents contents = valid;
    const auto tensor = std::ranges::find(contents.tensors, invalid.tensor, &NamedTensor::name);
    REQUIRE(tensor != contents.tensors.end());
    const size_t begin = invalid.index * invalid.bytes.size();
    REQUIRE(begin + invalid.bytes.size() <= tensor->data.size());
    std::ranges::copy(invalid.bytes, tensor->data.begin() + static_cast<std::ptrdiff_t>(begin));
    RequireError(LoadContents(contents), invalid.code, invalid.tensor);
  }
}

TEST_CASE("Integers, scales and pivots outside their range") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  TinyModelOptions options;
  options.pivoted = true;
  options.storage = Storage::kInt8;
  RequireRefused(
      options,
      {{"model.embed_tokens.weight", 3, BytesOf<int8_t>(-128), ErrorCode::kInvalidWeight},
       {"model.layers.1.mlp.up_proj.left", 94, BytesOf<int8_t>(-128), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight_scale", 2, BytesOf(-0.5f), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight_scale", 2, BytesOf(nan), ErrorCode::kNonFiniteWeight},
       {"model.layers.0.mlp.up_proj.right_scale", 4, BytesOf(0.0f), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.right_scale", 4, BytesOf(3e38f), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.pivots", 0, BytesOf<int32_t>(-1), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.pivots", 1, BytesOf<int32_t>(0), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.pivots", 2, BytesOf<int32_t>(2), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.pivots", 4, BytesOf<int32_t>(24), ErrorCode::kInvalidWeight},
       {"model.layers.0.mlp.up_proj.pivots", 4, BytesOf<int32_t>(0x7fffffff),
        ErrorCode::kInvalidWeight}});
  options.storage = Storage::kInt4;
  RequireRefused(
      options,
      {{"model.embed_tokens.weight", 3, BytesOf<uint8_t>(0x08), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight", 3, BytesOf<uint8_t>(0x80), ErrorCode::kInvalidWeight},
       // Five columns: the last byte of a row of a left factor has an unused half.
       {"model.layers.1.mlp.up_proj.left", 2, BytesOf<uint8_t>(0x98), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight_scale", 1, F16(-1.0f), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight_scale", 1, F16(0.0f), ErrorCode::kInvalidWeight},
       {"model.embed_tokens.weight_scale", 1, F16(nan), ErrorCode::kNonFiniteWeight},
       {"model.embed_tokens.weight_scale", 1, F16(1e6f), ErrorCode::kNonFiniteWeight}});
}

TEST_CASE("A row without weights may have a scale of 0") {
  TinyModelOptions options;
  options.storage = Storage::kInt8;
  ModelFileContents contents = TinyModelContents(options);
  for (NamedTensor& tensor : contents.tensors) {
    if (!tensor.name.starts_with("model.layers.1.mlp.up_proj.weight")) continue;
    std::ranges::fill(tensor.data, std::byte{0});
  }
  CHECK(LoadContents(contents));
}

TEST_CASE("Scales of another dtype than their integers call for") {
  for (const Storage storage : {Storage::kInt8, Storage::kInt4}) {
    TinyModelOptions options;
    options.storage = storage;
    ModelFileContents contents = TinyModelContents(options);
    const std::string name = "model.layers.0.mlp.up_proj.weight_scale";
    const auto scale = std::ranges::find(contents.tensors, name, &NamedTensor::name);
    REQUIRE(scale != contents.tensors.end());
    scale->dtype = storage == Storage::kInt8 ? DType::kF16 : DType::kF32;
    const std::vector<float> values(CountElements(scale->shape), 0.5f);
    scale->data = FromFloats(values, scale->dtype);
    RequireError(LoadContents(contents), ErrorCode::kUnsupportedDType, name);
  }
}

TEST_CASE("A pivoted layer of a rank that leaves no other row, or none at all") {
  TinyModelOptions options;
  options.pivoted = true;
  const std::string name = "model.layers.0.self_attn.k_proj.pivots";  // of 8 rows
  for (const int32_t rank : {0, 8, 9}) {
    ModelFileContents contents = TinyModelContents(options);
    const auto pivots = std::ranges::find(contents.tensors, name, &NamedTensor::name);
    REQUIRE(pivots != contents.tensors.end());
    pivots->shape = {rank};
    pivots->data.clear();
    for (int32_t i = 0; i < rank; ++i) {
      const auto bytes = BytesOf(i);
      pivots->data.insert(pivots->data.end(), bytes.begin(), bytes.end());
    }
    RequireError(LoadContents(contents), ErrorCode::kShapeMismatch, name);
  }
}

}  // namespace halfling::testing
