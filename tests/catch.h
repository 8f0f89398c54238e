// The one way to include Catch2: 2.x (one header) or 3.x, whichever the build found.
//
// Test programs run in the repository's root, natively and in wasm, so test data is opened by
// relative path: "tests/golden/...".
#ifndef HALFLING_TESTS_CATCH_H_
#define HALFLING_TESTS_CATCH_H_

#include <string>

#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>

// Ends the test case as skipped, visibly: the test runner counts and shows these lines.
#define HALFLING_SKIP(reason)                              \
  do {                                                     \
    WARN("SKIPPED: " << (reason));                         \
    return;                                                \
  } while (false)

#else
#include <catch2/catch_all.hpp>

// Catch2 3 moved these out of the global namespace.
using Catch::Approx;  // NOLINT

#define HALFLING_SKIP(reason) SKIP("SKIPPED: " << (reason))
#endif

#endif  // HALFLING_TESTS_CATCH_H_
