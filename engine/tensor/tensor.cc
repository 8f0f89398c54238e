#include "engine/tensor/tensor.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

namespace halfling {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors bytes are read in place, as little-endian values");
static_assert(std::numeric_limits<float>::is_iec559);

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 mantissa bits.
float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in f32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

// bits >> shift, rounded to nearest, ties to even. 1 <= shift <= 31.
uint32_t ShiftRoundingToEven(uint32_t bits, uint32_t shift) {
  const uint32_t quotient = bits >> shift;
  const uint32_t rest = bits & ((1u << shift) - 1);
  const uint32_t half = 1u << (shift - 1);
  return quotient + ((rest > half || (rest == half && (quotient & 1u) != 0)) ? 1u : 0u);
}

uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half = 0;
  if (magnitude > 0x7f800000u) {  // NaN stays a quiet NaN
    half = 0x7e00u;
  } else if (magnitude >= 0x47800000u) {  // 2^16 and above, infinity too
    half = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {  // normal in f16: a carry moves into the exponent, rightly
    half = ShiftRoundingToEven(magnitude - 0x38000000u, 13);
  } else if (magnitude >= 0x33000000u) {  // subnormal in f16: in units of 2^-24
    const uint32_t exponent = magnitude >> 23;
    half = ShiftRoundingToEven((magnitude & 0x7fffffu) | 0x800000u, 126 - exponent);
  }
  return static_cast<uint16_t>(sign | half);
}

float BFloat16ToFloat(uint16_t bfloat) {
  return std::bit_cast<float>(static_cast<uint32_t>(bfloat) << 16);
}

uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>(ShiftRoundingToEven(bits, 16));
}

// Element `index` of data that may be unaligned.
template <typename Stored>
Stored ReadAt(std::span<const std::byte> data, size_t index) {
  Stored stored;
  std::memcpy(&stored, data.data() + index * sizeof(Stored), sizeof(Stored));
  return stored;
}

template <typename Stored, typename Widen>
void WidenInto(std::span<const std::byte> data, std::vector<float>& values, Widen widen) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = widen(ReadAt<Stored>(data, i));
}

template <typename Stored, typename Value, typename Narrow>
std::vector<std::byte> NarrowAll(std::span<const Value> values, Narrow narrow) {
  std::vector<std::byte> bytes(values.size() * sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    const Stored stored = narrow(values[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &stored, sizeof(Stored));
  }
  return bytes;
}

std::string At(std::string_view name, size_t index) { return Concat(name, "[", index, "]"); }

}  // namespace

size_t DTypeSize(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32: return 4;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16: return 2;
    case DType::kI8:
    case DType::kU8: break;
  }
  return 1;
}

std::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "F32";
    case DType::kF16: return "F16";
    case DType::kBF16: return "BF16";
    case DType::kI32: return "I32";
    case DType::kI16: return "I16";
    case DType::kI8: return "I8";
    case DType::kU8: return "U8";
  }
  return "unknown";
}

std::optional<DType> ParseDType(std::string_view name) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kI32, DType::kI16,
                      DType::kI8, DType::kU8}) {
    if (name == DTypeName(dtype)) return dtype;
  }
  return std::nullopt;
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

bool IsIndex(DType dtype) { return dtype == DType::kI32 || dtype == DType::kI16; }

DType IndexDType(int smallest, int largest) {
  using Short = std::numeric_limits<int16_t>;
  return smallest >= Short::min() && largest <= Short::max() ? DType::kI16 : DType::kI32;
}

std::string ShapeToString(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += Concat(shape[i]);
  }
  return text + "]";
}

Result<std::vector<float>> ToFloats(const TensorView& tensor, std::string_view name) {
  const size_t count = tensor.data.size() / DTypeSize(tensor.dtype);
  if (count > std::numeric_limits<size_t>::max() / sizeof(float) / 2) {
    return Fail(ErrorCode::kTooLarge, name, " has ", count,
                " elements, more than this build can address");
  }
  if (!IsFloat(tensor.dtype)) {
    return Fail(ErrorCode::kUnsupportedDType, name, " is ", DTypeName(tensor.dtype),
                ", expected F32, F16 or BF16");
  }
  std::vector<float> values(count);
  if (tensor.dtype == DType::kF16) {
    WidenInto<uint16_t>(tensor.data, values, HalfToFloat);
  } else if (tensor.dtype == DType::kBF16) {
    WidenInto<uint16_t>(tensor.data, values, BFloat16ToFloat);
  } else {
    WidenInto<float>(tensor.data, values, [](float v) { return v; });
  }
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) {
      return Fail(ErrorCode::kNonFiniteWeight, At(name, i),
                  std::isnan(values[i]) ? " is NaN" : " is infinite", ", expected finite numbers");
    }
  }
  return values;
}

std::vector<std::byte> FromFloats(std::span<const float> values, DType dtype) {
  assert(IsFloat(dtype));
  if (dtype == DType::kF16) return NarrowAll<uint16_t>(values, FloatToHalf);
  if (dtype == DType::kBF16) return NarrowAll<uint16_t>(values, FloatToBFloat16);
  return NarrowAll<float>(values, [](float v) { return v; });
}

int IndexAt(const TensorView& tensor, size_t index) {
  assert(IsIndex(tensor.dtype));
  if (tensor.dtype == DType::kI16) return ReadAt<int16_t>(tensor.data, index);
  return ReadAt<int32_t>(tensor.data, index);
}

std::vector<std::byte> FromIndices(std::span<const int> values, DType dtype) {
  assert(IsIndex(dtype));
  if (dtype == DType::kI16) {
    return NarrowAll<int16_t>(values, [](int v) { return static_cast<int16_t>(v); });
  }
  return NarrowAll<int32_t>(values, [](int v) { return static_cast<int32_t>(v); });
}

float RoundToF16(float value) { return HalfToFloat(FloatToHalf(value)); }

}  // namespace halfling
