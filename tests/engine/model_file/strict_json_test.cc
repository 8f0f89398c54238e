#include "engine/model_file/strict_json.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

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

// As another implementation holds it.
nlohmann::json ToReference(const JsonValue& value) {
  if (const bool* boolean = value.AsBool()) return *boolean;
  if (const int64_t* integer = value.AsInteger()) return *integer;
  if (const uint64_t* integer = value.AsHugeInteger()) return *integer;
  if (const auto number = value.AsNumber()) return *number;
  if (const std::string* text = value.AsString()) return *text;
  nlohmann::json reference;
  if (const JsonValue::Array* array = value.AsArray()) {
    reference = nlohmann::json::array();
    for (const JsonValue& element : *array) reference.push_back(ToReference(element));
  }
  if (const JsonValue::Object* object = value.AsObject()) {
    reference = nlohmann::json::object();
    for (const auto& [key, member] : *object) reference[key] = ToReference(member);
  }
  return reference;
}

void CheckReadsAsReference(const std::string& text) {
  CAPTURE(text);
  const auto json = ParseStrictJson(text, "here.json");
  REQUIRE(json);
  const nlohmann::json reference = nlohmann::json::parse(text);
  CHECK(ToReference(*json) == reference);
  CHECK(json->TypeName() == reference.type_name());
}

}  // namespace

TEST_CASE("A document reads as another implementation reads it") {
  for (const char* text :
       {R"({"a": [1, -2, 2.5, true, null, "ü"], "b": {"c": {}, "d": [[], [{}]]}, "e": 1e3})", "7",
        " \t\r\n[ ] ", R"(["\u00fc\ud83d\ude00\u0000\n\/\\\"", "\u007f"])", "\xEF\xBB\xBF{}",
        "false", "-0", "-0.0", "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "null", "\"\""}) {
    CheckReadsAsReference(text);
  }
  CHECK(ParseStrictJson(R"("a\u0000b")", "here.json")->AsString()->size() == 3);
}

TEST_CASE("Fractions are the nearest doubles, to the last bit") {
  for (const char* text :
       {"1e-06", "1e-5", "0.1", "123456789.123456789", "2.2250738585072011e-308", "4.9e-324",
        "1e-400", "1.7976931348623157e308", "1e22", "1e23", "9007199254740993.0",
        "0.500000000000000166533453693773481063544750213623", "89255.0e-22",
        "7.2057594037927933e16", "6.02214076E+23"}) {
    CheckReadsAsReference(text);
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string digits = std::to_string(random());
    const int exponent = static_cast<int>(random() % 600) - 320;
    const std::string text =
        digits + "." + std::to_string(random()) + "e" + std::to_string(exponent);
    const auto json = ParseStrictJson(text, "here.json");
    const double expected = std::strtod(text.c_str(), nullptr);
    if (!json || json->AsNumber() != expected) CHECK(text == std::to_string(expected));
  }
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
                                              "\x01",
                                              "-1e999",
                                              "01",
                                              "+1",
                                              ".5",
                                              "1.",
                                              "\"\n\"",
                                              "\"\\x\"",
                                              "\"\xc0\xaf\"",
                                              "\"\xf4\x90\x80\x80\"",
                                              "\"\\ud800\"",
                                              "\"\\udc00\"",
                                              "{\"\\udfff\": 1}",
                                              "\"\\ud800\\u0041\"",
                                              std::string("[1]\0", 4),
                                              std::string("[1]\0]", 5),
                                              std::string("[1\0]", 4),
                                              std::string("\0", 1)};
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
    return JsonInteger(*ParseStrictJson(text, "here.json"), low, high, "here.json: field");
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

TEST_CASE("A value of another type is named by its own") {
  const auto message = [](const char* text) {
    return JsonInteger(*ParseStrictJson(text, "here.json"), 0, 5, "field").error().message;
  };
  CHECK(message("1.5") == "field: a fractional number; expected an integer");
  CHECK(message("[]") == "field: a value of type array; expected an integer");
  CHECK(message("9") == "field: 9; expected an integer from 0 to 5");
}

}  // namespace halfling::testing
