// Weights missing, misshapen, of a wrong dtype, or not finite.
#include <algorithm>
#include <cmath>
#include <limits>
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

}  // namespace halfling::testing
