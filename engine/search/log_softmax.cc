#include "engine/search/log_softmax.h"

#include <algorithm>
#include <cmath>

#include "engine/base/double_math.h"
#include "engine/kernels/kernels.h"

namespace halfling {
namespace {

constexpr double kLowest = -1e37;  // a whole code of these still sums to a finite float

}  // namespace

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
  const double log_sum = static_cast<double>(max) + LogDouble(sum);
  for (float& logit : logits) {
    logit = static_cast<float>(std::max(static_cast<double>(logit) - log_sum, kLowest));
  }
  return true;
}

}  // namespace halfling
