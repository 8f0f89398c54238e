// Log-probabilities out of logits, with the same bits in every build.
#ifndef HALFLING_ENGINE_SEARCH_LOG_SOFTMAX_H_
#define HALFLING_ENGINE_SEARCH_LOG_SOFTMAX_H_

#include <span>
#include <vector>

namespace halfling {

// log_p[i] = logits[i] - ln(sum_j e^logits[j]), in place, at least -1e37 and at most 0 (the largest
// logit's power is 1, exactly, and no sum is below it); `scratch` is any vector to reuse. False,
// with the values unspecified, if a logit is not finite. At least one logit.
bool LogSoftmax(std::span<float> logits, std::vector<float>& scratch);

}  // namespace halfling

#endif  // HALFLING_ENGINE_SEARCH_LOG_SOFTMAX_H_
