// Whether this engine's relaxed integer dot product can be trusted.
#ifndef HALFLING_ENGINE_KERNELS_RELAXED_DOT_SELF_TEST_H_
#define HALFLING_ENGINE_KERNELS_RELAXED_DOT_SELF_TEST_H_

namespace halfling::kernels {

// Runs i32x4.relaxed_dot_i8x16_i7x16_add_s and its 16-bit sibling on 8-bit by 7-bit values and
// compares with the true dot product. False if either differs (one widely used JavaScript engine
// returns twice the true value), and in every build without relaxed SIMD.
bool RelaxedDotSelfTest();

}  // namespace halfling::kernels

#endif  // HALFLING_ENGINE_KERNELS_RELAXED_DOT_SELF_TEST_H_
