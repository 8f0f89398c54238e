#include "engine/model_file/strict_json.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tests/catch.h"

namespace halfling::testing {
namespace {

Error MustRefuse(const std::string& text) {
  CAPTURE(text.substr(0, 60));
  const auto json = ParseStrictJson(text, "here.json");
  REQUIRE_FALSE(json);
  CHECK(json.error().message.find("here.json") != std::string::npos);
  return json.error();
}

}  // namespace

TEST_CASE("A document reads as the library itself reads it") {
  const std::string text =
      R"({"a": [1, -2, 2.5, true, null, "ü"], "b": {"c": {}, "d": [[], [{}]]}, "e": 1e3})";
  const auto json = ParseStrictJson(text, "here.json");
  REQUIRE(json);
  CHECK(*json == nlohmann::json::parse(text));
  CHECK(*ParseStrictJson("7", "here.json") == 7);
}

TEST_CASE("What is not one JSON value is refused") {
  const std::vector<std::string> documents = {"",
                                              "{",
                                              "{}}",
                                              "[1,]",
                                              "{\"a\":}",
                                              "{'a': 1}",
                                              "nul",
                                              "NaN",
                                              "1e999",
                                              "[1] 2",
                                              "\"\xff\"",
                                              "// c",
                                              "\"\xed\xa0\x80\"",
                                              "{\"a\" 1}",
                                              "{\"a\":1,\"b\"",
                                              "\x01"};
  for (const std::string& text : documents) {
    CHECK(MustRefuse(text).code == ErrorCode::kMalformedJson);
  }
}

TEST_CASE("A key twice in one object is refused, at any depth") {
  CHECK(MustRefuse(R"({"a": 1, "a": 1})").code == ErrorCode::kMalformedJson);
  CHECK(MustRefuse(R"([{"x": {"key": 1, "other": 2, "key": 3}}])").message.find("\"key\"") !=
        std::string::npos);
  CHECK(ParseStrictJson(R"([{"a": 1}, {"a": 1}, {"b": {"a": 1}}])", "here.json"));
  const auto outermost =
      ParseStrictJson(R"({"a": 1, "a": 1})", "here.json", ErrorCode::kDuplicateTensor);
  REQUIRE_FALSE(outermost);
  CHECK(outermost.error().code == ErrorCode::kDuplicateTensor);
}

TEST_CASE("Nesting is bounded, however long the document goes on") {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(ParseStrictJson(nested(kMaxJsonDepth), "here.json"));
  CHECK(MustRefuse(nested(kMaxJsonDepth + 1)).message.find("deeper") != std::string::npos);
  CHECK(MustRefuse(std::string(5'000'000, '[')).message.find("deeper") != std::string::npos);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(MustRefuse(objects).message.find("deeper") != std::string::npos);
}

TEST_CASE("Integers are integers within their range") {
  const auto integer = [](const char* text, int64_t low, int64_t high) {
    return JsonInteger(nlohmann::json::parse(text), low, high, "here.json: field");
  };
  CHECK(*integer("5", 0, 5) == 5);
  CHECK(*integer("-9223372036854775808", INT64_MIN, 0) == INT64_MIN);
  for (const char* text : {"6", "-1", "9223372036854775808", "18446744073709551615"}) {
    const auto value = integer(text, 0, 5);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == ErrorCode::kInvalidConfig);
    CHECK(value.error().message.find(text) != std::string::npos);
  }
  for (const char* text : {"1.0", "\"1\"", "null", "true", "[1]", "18446744073709551616"}) {
    const auto value = integer(text, 0, 5);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == ErrorCode::kMalformedJson);
    CHECK(value.error().message.find("here.json: field") != std::string::npos);
  }
  CHECK_FALSE(integer("9223372036854775808", INT64_MIN, INT64_MAX));
}

TEST_CASE("Names from a file are shown without control characters, and not at any length") {
  CHECK(Quoted("a\n\x1b[b") == "\"a\\x0a\\x1b[b\"");
  CHECK(Quoted(std::string(1000, 'x')).size() < 120);
  CHECK(Quoted(std::string(95, 'x') + "üü") == "\"" + std::string(95, 'x') + "…\"");
}

}  // namespace halfling::testing
