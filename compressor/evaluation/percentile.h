// Where a share of the values lie.
#ifndef HALFLING_COMPRESSOR_EVALUATION_PERCENTILE_H_
#define HALFLING_COMPRESSOR_EVALUATION_PERCENTILE_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace halfling {

// The value that `percent` (below 100) of the values lie below; 0 of none.
template <typename T>
T PercentileOf(std::vector<T> values, size_t percent) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * percent / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_EVALUATION_PERCENTILE_H_
