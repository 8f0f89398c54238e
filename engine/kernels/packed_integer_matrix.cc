#include "engine/kernels/packed_integer_matrix.h"

#include <algorithm>
#include <cstdlib>

namespace halfling {

bool IsInt7(const Int8Matrix& weight) {
  return weight.cols <= kernels::kMaxInt7InDim &&
         std::ranges::all_of(weight.values,
                             [](int8_t value) { return std::abs(value) <= kLargestInt7; });
}

}  // namespace halfling
