#include "engine/base/double_math.h"

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
    case 0:
      sine = sin_r, cosine = cos_r;
      break;
    case 1:
      sine = cos_r, cosine = -sin_r;
      break;
    case 2:
      sine = -sin_r, cosine = -cos_r;
      break;
    default:
      sine = -cos_r, cosine = sin_r;
      break;
  }
}

}  // namespace halfling
