#include "engine/tensor/tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/catch.h"

namespace halfling {
namespace {

// Bytes of 16-bit patterns.
std::vector<std::byte> Bytes(const std::vector<uint16_t>& patterns) {
  std::vector<std::byte> bytes(patterns.size() * 2);
  std::memcpy(bytes.data(), patterns.data(), bytes.size());
  return bytes;
}

std::vector<uint16_t> Patterns(const std::vector<std::byte>& bytes) {
  std::vector<uint16_t> patterns(bytes.size() / 2);
  std::memcpy(patterns.data(), bytes.data(), bytes.size());
  return patterns;
}

Result<std::vector<float>> Widen(const std::vector<uint16_t>& patterns, DType dtype) {
  const std::vector<std::byte> bytes = Bytes(patterns);
  return ToFloats({dtype, {static_cast<int64_t>(patterns.size())}, bytes}, "weights");
}

uint16_t Narrow(float value, DType dtype) {
  return Patterns(FromFloats(std::span(&value, 1), dtype))[0];
}

// A finite f16 by the definition of the format.
double HalfByDefinition(uint16_t pattern) {
  const int exponent = (pattern >> 10) & 31;
  const int mantissa = pattern & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24)
                                         : std::ldexp(1024 + mantissa, exponent - 25);
  return (pattern & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST_CASE("Every finite f16 widens exactly and narrows back to itself") {
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    if (((pattern >> 10) & 31) == 31) continue;
    const auto half = static_cast<uint16_t>(pattern);
    const float value = Widen({half}, DType::kF16).value()[0];
    if (value != HalfByDefinition(half) || std::signbit(value) != (pattern >= 0x8000) ||
        Narrow(value, DType::kF16) != half) {
      FAIL("f16 pattern " << pattern << " widens to " << value);
    }
  }
}

TEST_CASE("Every finite bf16 widens exactly and narrows back to itself") {
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    if (((pattern >> 7) & 255) == 255) continue;
    const auto bfloat = static_cast<uint16_t>(pattern);
    const float value = Widen({bfloat}, DType::kBF16).value()[0];
    if (std::bit_cast<uint32_t>(value) != pattern << 16 ||
        Narrow(value, DType::kBF16) != bfloat) {
      FAIL("bf16 pattern " << pattern << " widens to " << value);
    }
  }
}

TEST_CASE("f16 rounds to nearest, ties to even") {
  // Between any two neighbours: below, at and above the middle.
  for (uint32_t pattern = 0; pattern < 0x7bff; ++pattern) {
    const auto low = static_cast<uint16_t>(pattern);
    const auto high = static_cast<uint16_t>(pattern + 1);
    const auto even = pattern % 2 == 0 ? low : high;
    const auto middle =
        static_cast<float>((HalfByDefinition(low) + HalfByDefinition(high)) / 2);  // exact
    if (Narrow(middle, DType::kF16) != even ||
        Narrow(std::nextafter(middle, 0.0f), DType::kF16) != low ||
        Narrow(std::nextafter(middle, 1e9f), DType::kF16) != high) {
      FAIL("f16 pattern " << pattern);
    }
  }
  CHECK(Narrow(65504.0f, DType::kF16) == 0x7bff);
  CHECK(Narrow(65519.99f, DType::kF16) == 0x7bff);
  CHECK(Narrow(65520.0f, DType::kF16) == 0x7c00);
  CHECK(Narrow(-1e30f, DType::kF16) == 0xfc00);
  CHECK(Narrow(0x1p-25f, DType::kF16) == 0);
  CHECK(Narrow(-0x1.000002p-25f, DType::kF16) == 0x8001);
}

TEST_CASE("bf16 rounds to nearest, ties to even") {
  CHECK(Narrow(std::bit_cast<float>(0x3f808000u), DType::kBF16) == 0x3f80);  // a tie, down to even
  CHECK(Narrow(std::bit_cast<float>(0x3f818000u), DType::kBF16) == 0x3f82);  // a tie, up to even
  CHECK(Narrow(std::bit_cast<float>(0x3f808001u), DType::kBF16) == 0x3f81);
  CHECK(Narrow(std::bit_cast<float>(0x3f817fffu), DType::kBF16) == 0x3f81);
  CHECK(Narrow(std::numeric_limits<float>::max(), DType::kBF16) == 0x7f80);
  CHECK((Narrow(std::nanf(""), DType::kBF16) & 0x7fff) > 0x7f80);
}

TEST_CASE("F32 passes through, from unaligned bytes too") {
  const std::vector<float> values = {1.5f, -0.0f, 3e-42f};
  std::vector<std::byte> bytes = FromFloats(values, DType::kF32);
  bytes.insert(bytes.begin(), std::byte{7});
  const auto read = ToFloats({DType::kF32, {3}, std::span(bytes).subspan(1)}, "x").value();
  CHECK(std::memcmp(read.data(), values.data(), 12) == 0);
}

TEST_CASE("Weights that are no finite numbers are refused by name") {
  const auto [pattern, dtype] = GENERATE(table<uint16_t, DType>({
      {0x7c00, DType::kF16}, {0xfe01, DType::kF16}, {0x7f80, DType::kBF16}, {0xffc0, DType::kBF16},
  }));
  const auto floats = Widen({0, 0, pattern}, dtype);
  REQUIRE_FALSE(floats.has_value());
  CHECK(floats.error().code == ErrorCode::kNonFiniteWeight);
  CHECK(floats.error().message.find("weights[2]") != std::string::npos);
}

TEST_CASE("Indices come back from the smallest dtype that holds them") {
  CHECK(IndexDType(-32768, 32767) == DType::kI16);
  CHECK(IndexDType(0, 32768) == DType::kI32);
  CHECK(IndexDType(-32769, 0) == DType::kI32);
  const std::vector<int> values = {-1, 0, 1, 32767, 300, -1};
  for (const DType dtype : {DType::kI16, DType::kI32}) {
    std::vector<std::byte> bytes = FromIndices(values, dtype);
    CHECK(bytes.size() == values.size() * DTypeSize(dtype));
    bytes.insert(bytes.begin(), std::byte{7});  // unaligned, as in a file
    const TensorView view = {dtype, {6}, std::span(bytes).subspan(1)};
    for (size_t i = 0; i < values.size(); ++i) CHECK(IndexAt(view, i) == values[i]);
  }
}

TEST_CASE("I32 is not a weight") {
  const std::vector<std::byte> bytes(8);
  CHECK(ToFloats({DType::kI8, {8}, bytes}, "x").error().code == ErrorCode::kUnsupportedDType);
  CHECK(ToFloats({DType::kI32, {2}, bytes}, "x").error().code == ErrorCode::kUnsupportedDType);
}

TEST_CASE("Names of dtypes and shapes") {
  CHECK(ParseDType("BF16") == DType::kBF16);
  CHECK(ParseDType("I32") == DType::kI32);
  CHECK(ParseDType("I16") == DType::kI16);
  CHECK(ParseDType("I8") == DType::kI8);
  CHECK(ParseDType("U8") == DType::kU8);
  CHECK_FALSE(ParseDType("f32").has_value());
  CHECK_FALSE(ParseDType("F64").has_value());
  CHECK(DTypeSize(DType::kF16) == 2);
  CHECK(DTypeSize(DType::kI32) == 4);
  CHECK(DTypeSize(DType::kI16) == 2);
  CHECK(DTypeSize(DType::kI8) == 1);
  CHECK(DTypeSize(DType::kU8) == 1);
  CHECK(ShapeToString({2, 3}) == "[2, 3]");
  CHECK(ShapeToString({}) == "[]");
}

}  // namespace
}  // namespace halfling
