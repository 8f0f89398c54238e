#include "compressor/stages/plan.h"

#include <vector>

#include "compressor/stages/stored_linear.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

int64_t BytesOf(const std::vector<NamedTensor>& tensors) {
  size_t bytes = 0;
  for (const NamedTensor& tensor : tensors) bytes += tensor.data.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

TEST_CASE("a rank is the largest within the share, for either form") {
  CHECK(RankForShare({256, 256}, Storage::kLowRank, 0.5) == 64);
  CHECK(RankForShare({1024, 256}, Storage::kLowRank, 0.5) == 102);  // floor(.5 * 262144 / 1280)
  CHECK(RankForShare({256, 256}, Storage::kPivoted, 0.5) == 74);    // 256 (1 - sqrt(1/2)) = 74.98
  CHECK(RankForShare({256, 256}, Storage::kLowRank, 1e-6) == 1);
  for (const Storage storage : {Storage::kLowRank, Storage::kPivoted}) {
    for (const double keep : {0.25, 0.33, 0.5, 0.75, 0.99}) {
      const LinearShape shape = {300, 200};
      const int64_t rank = RankForShare(shape, storage, keep);
      const auto size = [&](int64_t r) {
        return static_cast<double>(NumParameters(shape, {storage, DType::kF32, r}));
      };
      CHECK(size(rank) <= keep * 60000);
      CHECK((rank == 199 || size(rank + 1) > keep * 60000));
    }
  }
}

TEST_CASE("a uniform plan leaves dense what factors would not make smaller") {
  const ModelConfig config = testing::MakeTransformer().config();
  const ModelPlan half = UniformPlan(config, 0.5, Storage::kPivoted, DType::kI8);
  REQUIRE(half.size() == static_cast<size_t>(config.num_layers));
  CHECK(half[0][0].storage == Storage::kPivoted);
  CHECK(half[0][0].dtype == DType::kI8);
  const ModelPlan whole = UniformPlan(config, 1.0, Storage::kPivoted, DType::kI8);
  CHECK(whole[1][3].storage == Storage::kDense);
  CHECK(whole[1][3].dtype == DType::kI8);
}

TEST_CASE("the planned bytes and parameters are those of the tensors") {
  const LinearShape shape = {24, 40};
  testing::Random random(3);
  const auto filled = [&random](size_t rows, size_t cols) {
    Matrix matrix(rows, cols);
    for (float& value : matrix.values()) value = random.Symmetric();
    return matrix;
  };
  const auto stored = [](const Matrix& matrix, DType dtype) -> StoredMatrix {
    if (dtype == DType::kI8) return QuantizeInt8(matrix);
    if (dtype == DType::kU8) return QuantizeInt4(matrix);
    return matrix;
  };
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kI8, DType::kU8}) {
    CAPTURE(PrecisionName(dtype));
    StoredLinear linear{stored(filled(24, 40), dtype), dtype, {}};
    std::vector<NamedTensor> dense;
    REQUIRE(AppendLinear("dense", linear, dense).has_value());
    CHECK(BytesOf(dense) == NumBytes(shape, {Storage::kDense, dtype, 0}));
    CHECK(static_cast<int64_t>(MakeLinear(linear).num_parameters()) ==
          NumParameters(shape, {Storage::kDense, dtype, 0}));

    linear.weight = StoredFactors{stored(filled(24, 5), dtype), stored(filled(5, 40), dtype), {}};
    std::vector<NamedTensor> low_rank;
    REQUIRE(AppendLinear("low_rank", linear, low_rank).has_value());
    CHECK(BytesOf(low_rank) == NumBytes(shape, {Storage::kLowRank, dtype, 5}));
    CHECK(static_cast<int64_t>(MakeLinear(linear).num_parameters()) ==
          NumParameters(shape, {Storage::kLowRank, dtype, 5}));

    linear.weight =
        StoredFactors{stored(filled(19, 5), dtype), stored(filled(5, 40), dtype), {0, 3, 4, 9, 23}};
    std::vector<NamedTensor> pivoted;
    REQUIRE(AppendLinear("pivoted", linear, pivoted).has_value());
    CHECK(BytesOf(pivoted) == NumBytes(shape, {Storage::kPivoted, dtype, 5}));
    CHECK(static_cast<int64_t>(MakeLinear(linear).num_parameters()) ==
          NumParameters(shape, {Storage::kPivoted, dtype, 5}));
  }
}

TEST_CASE("a value beyond f16's range is an error that names the tensor") {
  Matrix weight(16, 16);
  weight.row(3)[4] = 70000.0F;
  std::vector<NamedTensor> tensors;
  const auto status = AppendLinear("layers.1.o_proj", {weight, DType::kF16, {}}, tensors);
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().code == ErrorCode::kTooLarge);
  CHECK(status.error().message.find("layers.1.o_proj.weight") != std::string::npos);
  CHECK(AppendLinear("layers.1.o_proj", {weight, DType::kF32, {}}, tensors).has_value());
}

}  // namespace halfling
