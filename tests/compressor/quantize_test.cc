#include "compressor/stages/quantize.h"

#include <Eigen/Core>
#include <numeric>

#include "compressor/linalg/matrices.h"
#include "tests/catch.h"
#include "tests/compressor/tiny_transformer.h"

namespace halfling {
namespace {

Result<std::vector<NamedTensor>> Store(const Transformer& model, DType dtype) {
  std::vector<int> ids(testing::kVocabSize);
  std::iota(ids.begin(), ids.end(), 0);
  return StoreTensors(
      model, ids, [dtype](std::string_view) { return dtype; },
      [](std::string_view) { return DType::kF32; });
}

Matrix StoredMatrix(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name != name) continue;
    auto values = ToFloats({tensor.dtype, tensor.shape, tensor.data}, name);
    REQUIRE(values.has_value());
    return {static_cast<size_t>(tensor.shape[0]), static_cast<size_t>(tensor.shape[1]), *values};
  }
  FAIL("no tensor " << name);
  return {};
}

}  // namespace

TEST_CASE("storing balances the factors without changing their product") {
  Transformer model = testing::MakeTransformer();
  testing::Random random(9);
  Matrix left(16, 2);
  Matrix right(2, 16);
  for (float& value : left.values()) value = 3e5F * random.Symmetric();
  for (float& value : right.values()) value = 2e-7F * random.Symmetric();
  model.mutable_layer(0).linear(LinearKind::kQuery) = Linear::LowRank(left, right);
  const std::string name = LinearName(0, LinearKind::kQuery);
  const Eigen::MatrixXd product = ToDoubles(left) * ToDoubles(right);

  const auto exact = Store(model, DType::kF32);
  REQUIRE(exact.has_value());
  const Eigen::MatrixXd stored_product = ToDoubles(StoredMatrix(*exact, name + ".left")) *
                                         ToDoubles(StoredMatrix(*exact, name + ".right"));
  CHECK(stored_product == product);

  // Unbalanced, the left factor would overflow f16 and the right one nearly vanish in it.
  const auto half = Store(model, DType::kF16);
  REQUIRE(half.has_value());
  const Eigen::MatrixXd half_product = ToDoubles(StoredMatrix(*half, name + ".left")) *
                                       ToDoubles(StoredMatrix(*half, name + ".right"));
  CHECK((half_product - product).norm() < 2e-3 * product.norm());
}

TEST_CASE("a value beyond f16's range is an error that names the tensor") {
  Transformer model = testing::MakeTransformer();
  Matrix weight(16, 16);
  weight.row(3)[4] = 70000.0F;
  model.mutable_layer(1).linear(LinearKind::kOutput) = Linear::Dense(weight);
  const auto stored = Store(model, DType::kF16);
  REQUIRE_FALSE(stored.has_value());
  CHECK(stored.error().code == ErrorCode::kTooLarge);
  CHECK(stored.error().message.find("layers.1.self_attn.o_proj") != std::string::npos);
  CHECK(Store(model, DType::kF32).has_value());
}

}  // namespace halfling
