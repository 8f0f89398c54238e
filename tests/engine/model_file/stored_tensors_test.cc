#include "engine/model_file/stored_tensors.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/engine/kernels/random_values.h"

namespace halfling::testing {
namespace {

// What is read of `matrix` after it went through a file.
StoredMatrix ThroughFile(const StoredMatrix& matrix, DType dtype = DType::kF32) {
  std::vector<NamedTensor> tensors;
  AppendStoredMatrix("layer.weight", matrix, dtype, tensors);
  const std::vector<std::byte> bytes = WriteSafetensors(tensors, {});
  const auto file = SafetensorsFile::Parse(bytes, "one.safetensors");
  if (!file) FAIL(file.error().message);
  auto read = ReadStoredMatrix(*file, "layer.weight", static_cast<int64_t>(Rows(matrix)),
                               static_cast<int64_t>(Cols(matrix)));
  if (!read) FAIL(read.error().message);
  return *std::move(read);
}

TEST_CASE("Matrices go through a file unchanged, in whichever form") {
  RandomValues random(GENERATE(range(0u, 20u)));
  const Matrix matrix = random.NewMatrix(random.Size(1, 9), random.Size(1, 100));
  CHECK(std::ranges::equal(std::get<Matrix>(ThroughFile(matrix)).values(), matrix.values()));

  const Int8Matrix int8 = QuantizeInt8(matrix);
  const auto int8_again = std::get<Int8Matrix>(ThroughFile(int8));
  CHECK(int8_again.values == int8.values);
  CHECK(int8_again.scales == int8.scales);

  const Int4Matrix int4 = QuantizeInt4(matrix);
  const auto int4_again = std::get<Int4Matrix>(ThroughFile(int4));
  CHECK(int4_again.packed == int4.packed);
  CHECK(int4_again.scales == int4.scales);

  const Matrix half = std::get<Matrix>(ThroughFile(matrix, DType::kF16));
  for (size_t i = 0; i < half.values().size(); ++i) {
    REQUIRE(half.values()[i] == RoundToF16(matrix.values()[i]));
  }
}

TEST_CASE("int8 and int4 take the bytes that their layout says") {
  const Matrix matrix(2, 33, std::vector<float>(66, 0.5f));
  std::vector<NamedTensor> tensors;
  AppendStoredMatrix("a", QuantizeInt8(matrix), DType::kF32, tensors);
  AppendStoredMatrix("b", QuantizeInt4(matrix), DType::kF32, tensors);
  REQUIRE(tensors.size() == 4);
  CHECK(tensors[0].name == "a");
  CHECK(tensors[0].dtype == DType::kI8);
  CHECK(tensors[0].shape == Shape{2, 33});
  CHECK(tensors[0].data[65] == std::byte{127});
  CHECK(tensors[1].name == "a_scale");
  CHECK(tensors[1].dtype == DType::kF32);
  CHECK(tensors[1].shape == Shape{2});
  CHECK(tensors[2].dtype == DType::kU8);
  CHECK(tensors[2].shape == Shape{2, 17});
  CHECK(tensors[2].data[0] == std::byte{0xff});   // 7 and 7, each + 8
  CHECK(tensors[2].data[16] == std::byte{0x8f});  // 7, and nothing
  CHECK(tensors[3].name == "b_scale");
  CHECK(tensors[3].dtype == DType::kF16);
  CHECK(tensors[3].shape == Shape{2, 2});
}

TEST_CASE("An int4 scale beyond F16 is refused when it is read") {
  std::vector<NamedTensor> tensors;
  AppendStoredMatrix("a", QuantizeInt4(Matrix(1, 2, {1e6f, 1.0f})), DType::kF32, tensors);
  const std::vector<std::byte> bytes = WriteSafetensors(tensors, {});
  const auto file = SafetensorsFile::Parse(bytes, "one.safetensors");
  REQUIRE(file);
  const auto read = ReadStoredMatrix(*file, "a", 1, 2);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ErrorCode::kNonFiniteWeight);
  CHECK(read.error().message.find("a_scale[0]") != std::string::npos);
}

}  // namespace
}  // namespace halfling::testing
