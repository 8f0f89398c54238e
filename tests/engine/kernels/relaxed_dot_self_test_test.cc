#include "engine/kernels/relaxed_dot_self_test.h"

#include "tests/catch.h"

namespace halfling {
namespace {

#if defined(__wasm_relaxed_simd__)
TEST_CASE("The engines that the tests run in compute the relaxed dot product rightly") {
  CHECK(kernels::RelaxedDotSelfTest());
}
#else
TEST_CASE("Without relaxed SIMD the self-test says no") {
  CHECK_FALSE(kernels::RelaxedDotSelfTest());
}
#endif

}  // namespace
}  // namespace halfling
