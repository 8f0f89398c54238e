#include "engine/layers/rope.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numbers>

namespace halfling {
namespace {

// ln 2 and pi / 2 as sums of parts, the leading ones short enough that an integer of up to 20 bits
// times the part is exact (Cody and Waite; the constants are fdlibm's).
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kHalfPi1 = 1.57079632673412561417e+00;
constexpr double kHalfPi2 = 6.07710050630396597660e-11;
constexpr double kHalfPi3 = 2.02226624879595063154e-21;

// To the nearest integer, |x| < 2^31.
int64_t RoundToInteger(double x) { return static_cast<int64_t>(x < 0 ? x - 0.5 : x + 0.5); }

// 2^n for a normal result.
double PowerOfTwo(int64_t n) {
  return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52);
}

// theta^-(2 i / head_dim), then rounded and inverted in f32 as transformers does.
float DefaultFrequency(double theta, int i, int head_dim) {
  const double exponent = static_cast<double>(2 * i) / static_cast<double>(head_dim);
  return 1.0f / static_cast<float>(ExpDouble(exponent * LogDouble(theta)));
}

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
float Llama3Frequency(float frequency, const RopeScaling& scaling) {
  const double context = scaling.original_max_position_embeddings;
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  const double stretched = frequency / scaling.factor;
  if (wavelength > context / scaling.low_freq_factor) return static_cast<float>(stretched);
  const double smooth = (context / wavelength - scaling.low_freq_factor) /
                        (scaling.high_freq_factor - scaling.low_freq_factor);
  return static_cast<float>((1.0 - smooth) * stretched + smooth * frequency);
}

float Frequency(double theta, int i, int head_dim, const RopeScaling& scaling) {
  const float frequency = DefaultFrequency(theta, i, head_dim);
  switch (scaling.kind) {
    case RopeScaling::Kind::kNone: break;
    case RopeScaling::Kind::kLinear: return frequency / static_cast<float>(scaling.factor);
    case RopeScaling::Kind::kLlama3: return Llama3Frequency(frequency, scaling);
  }
  return frequency;
}

}  // namespace

double ExpDouble(double x) {
  const int64_t n = RoundToInteger(x / std::numbers::ln2);
  const double r = (x - static_cast<double>(n) * kLn2High) - static_cast<double>(n) * kLn2Low;
  // Taylor: |r| <= 0.35, so the first term left out is below 1e-17.
  double sum = 1.0;
  for (int k = 14; k >= 1; --k) sum = 1.0 + sum * r / k;
  return sum * PowerOfTwo(n);
}

double LogDouble(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
  double mantissa =
      std::bit_cast<double>((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);  // [1, 2)
  if (mantissa > std::numbers::sqrt2) {
    mantissa *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.172: s^2 <= 0.0295, 12 terms suffice.
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double square = s * s;
  double sum = 0.0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  const double n = static_cast<double>(exponent);
  return n * kLn2High + (2.0 * s * sum + n * kLn2Low);
}

void SinCos(double x, double& sine, double& cosine) {
  const int64_t quarter = RoundToInteger(x * (2.0 / std::numbers::pi));
  const double n = static_cast<double>(quarter);
  const double r = ((x - n * kHalfPi1) - n * kHalfPi2) - n * kHalfPi3;  // |r| <= pi / 4
  const double square = r * r;
  // Taylor: the first terms left out, r^19 / 19! and r^20 / 20!, are below 1e-18.
  double sin_r = 1.0;
  for (int k = 17; k >= 3; k -= 2) sin_r = 1.0 - sin_r * square / (k * (k - 1));
  sin_r *= r;
  double cos_r = 1.0;
  for (int k = 18; k >= 2; k -= 2) cos_r = 1.0 - cos_r * square / (k * (k - 1));

  switch (static_cast<uint64_t>(quarter) & 3u) {
    case 0: sine = sin_r, cosine = cos_r; break;
    case 1: sine = cos_r, cosine = -sin_r; break;
    case 2: sine = -sin_r, cosine = -cos_r; break;
    default: sine = -cos_r, cosine = sin_r; break;
  }
}

RopeTable::RopeTable(int head_dim, double theta, const RopeScaling& scaling, int max_positions)
    : cached_positions_(std::min(max_positions, kCachedPositions)) {
  for (int i = 0; i < head_dim / 2; ++i) {
    frequencies_.push_back(Frequency(theta, i, head_dim, scaling));
  }
  const size_t row_size = 2 * frequencies_.size();
  rows_.resize(static_cast<size_t>(cached_positions_) * row_size);
  for (int position = 0; position < cached_positions_; ++position) {
    ComputeRow(position, std::span(rows_).subspan(static_cast<size_t>(position) * row_size,
                                                  row_size));
  }
}

void RopeTable::ComputeRow(int position, std::span<float> row) const {
  const size_t half = frequencies_.size();
  for (size_t i = 0; i < half; ++i) {
    const float angle = static_cast<float>(position) * frequencies_[i];  // in f32: transformers
    double sine = 0;
    double cosine = 0;
    SinCos(angle, sine, cosine);
    row[i] = static_cast<float>(cosine);
    row[half + i] = static_cast<float>(sine);
  }
}

void RopeTable::Rotate(int position, std::span<float> heads, std::vector<float>& buffer) const {
  const size_t half = frequencies_.size();
  const float* row = rows_.data() + static_cast<size_t>(position) * 2 * half;
  if (position >= cached_positions_) {
    buffer.resize(2 * half);
    ComputeRow(position, buffer);
    row = buffer.data();
  }
  for (size_t head = 0; head < heads.size(); head += 2 * half) {
    float* first = heads.data() + head;
    float* second = first + half;
    for (size_t i = 0; i < half; ++i) {
      const float a = first[i];
      const float b = second[i];
      first[i] = a * row[i] - b * row[half + i];
      second[i] = b * row[i] + a * row[half + i];
    }
  }
}

}  // namespace halfling
