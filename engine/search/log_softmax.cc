#include "engine/search/log_softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/kernels/kernels.h"

namespace halfling {

double DeterministicLog(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  constexpr double kSqrt2 = 1.41421356237309504880;
  constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
  // x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)).
  const auto bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;
  double m = std::bit_cast<double>((bits & kMantissa) | uint64_t{1023} << 52);
  if (m >= kSqrt2) {
    m *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + …) with s = (m - 1) / (m + 1), |s| < 0.172: the
  // terms beyond s^15 are below 1e-14.
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double series = 1.0 / 15.0;
  for (int denominator = 13; denominator >= 1; denominator -= 2) {
    series = series * s2 + 1.0 / denominator;
  }
  return exponent * kLn2 + 2.0 * s * series;
}

bool LogSoftmax(std::span<float> logits, std::vector<float>& scratch) {
  float max = logits[0];
  for (const float logit : logits) {
    if (!std::isfinite(logit)) return false;
    max = std::max(max, logit);
  }
  scratch.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) scratch[i] = logits[i] - max;
  kernels::Exp(scratch, scratch);
  // In double, so that a node with very many children loses nothing to the order of summation.
  double sum = 0.0;
  for (const float e : scratch) sum += e;
  const double log_sum = static_cast<double>(max) + DeterministicLog(sum);
  for (float& logit : logits) logit = static_cast<float>(static_cast<double>(logit) - log_sum);
  return true;
}

}  // namespace halfling
