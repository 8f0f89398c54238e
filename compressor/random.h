// Random draws that are the same with every standard library (its distributions are not).
#ifndef HALFLING_COMPRESSOR_RANDOM_H_
#define HALFLING_COMPRESSOR_RANDOM_H_

#include <cstdint>
#include <random>

namespace halfling {

// Uniform in [0, bound), bound at least 1.
inline uint64_t DrawBelow(uint64_t bound, std::mt19937_64& random) {
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // Beyond it the remainders are uneven.
  uint64_t value = random();
  while (value >= limit) value = random();
  return value % bound;
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_RANDOM_H_
