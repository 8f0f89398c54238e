#include "engine/base/result.h"

#include <set>

#include "tests/catch.h"

namespace halfling {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(ErrorCode::kInvalidRequest, std::to_string(number) + " is odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  HALFLING_ASSIGN_OR_RETURN(const int half, Half(number));
  return Half(half);
}

Status CheckQuarter(int number) {
  HALFLING_RETURN_IF_ERROR(Quarter(number));
  return {};
}

TEST_CASE("Every error code has its own kebab-case name") {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kIo); ++code) {
    const std::string name(ErrorCodeName(static_cast<ErrorCode>(code)));
    CAPTURE(code, name);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
    CHECK(name != "unknown");
    CHECK(names.insert(name).second);
  }
  CHECK(ErrorCodeName(ErrorCode::kTruncatedFile) == "truncated-file");
  CHECK(ErrorCodeName(ErrorCode::kUnsupportedDType) == "unsupported-dtype");
  CHECK(ErrorCodeName(ErrorCode::kIo) == "io");
}

TEST_CASE("The macros hand on values and errors") {
  CHECK(Quarter(12).value() == 3);
  REQUIRE_FALSE(Quarter(6).has_value());
  CHECK(Quarter(6).error().message == "3 is odd");
  CHECK(CheckQuarter(4).has_value());
  CHECK(CheckQuarter(5).error().code == ErrorCode::kInvalidRequest);
}

}  // namespace
}  // namespace halfling
