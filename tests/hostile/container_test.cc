// safetensors files that lie about themselves.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

constexpr std::string_view kFile = "hostile.safetensors";

void RequireRefused(std::string_view header, size_t data_size, ErrorCode code,
                    std::string_view what) {
  CAPTURE(header.substr(0, 200), data_size);
  const std::vector<std::byte> file = RawFile(header, data_size);
  const auto parsed = SafetensorsFile::Parse(file, kFile);
  RequireError(parsed, code, what);
  REQUIRE(parsed.error().message.find(kFile) != std::string::npos);
  REQUIRE(parsed.error().message.size() < 600);
}

std::string Entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string One(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{" + Entry("weight", dtype, shape, offsets) + "}";
}

}  // namespace

TEST_CASE("A file cut anywhere is truncated; one with bytes added has a hole") {
  const std::vector<std::byte> whole = TinyModelShards({})[0].bytes;
  const size_t data_at = 8 + HeaderOf(whole).size();
  REQUIRE(SafetensorsFile::Parse(whole, kFile));
  for (size_t size = 0; size < whole.size(); ++size) {
    const bool is_near_an_edge =
        size < 64 || size + 16 > whole.size() || (size + 16 > data_at && size < data_at + 16);
    if (!is_near_an_edge && size % 211 != 0) continue;
    CAPTURE(size);
    const auto parsed = SafetensorsFile::Parse(std::span(whole).first(size), kFile);
    RequireError(parsed, ErrorCode::kTruncatedFile, kFile);
  }
  std::vector<std::byte> longer = whole;
  longer.push_back(std::byte{0});
  RequireError(SafetensorsFile::Parse(longer, kFile), ErrorCode::kMalformedHeader, "1 bytes");
}

TEST_CASE("Header lengths that lie") {
  const std::vector<std::byte> whole = TinyModelShards({})[0].bytes;
  const uint64_t true_length = HeaderOf(whole).size();
  const auto parse_with_length = [&](uint64_t length) {
    std::vector<std::byte> file = whole;
    for (size_t i = 0; i < 8; ++i) file[i] = static_cast<std::byte>(length >> (8 * i) & 0xFF);
    CAPTURE(length);
    return SafetensorsFile::Parse(file, kFile);
  };
  RequireError(parse_with_length(0), ErrorCode::kMalformedHeader, "header length is 0");
  RequireError(parse_with_length(1), ErrorCode::kMalformedJson, "header");
  RequireError(parse_with_length(true_length / 2), ErrorCode::kMalformedJson, "header");
  // Into the data, whose first bytes are no JSON.
  RequireError(parse_with_length(true_length + 4), ErrorCode::kMalformedJson, "header");
  RequireError(parse_with_length(whole.size() - 7), ErrorCode::kTruncatedFile, "header length");
  RequireError(parse_with_length(kMaxSafetensorsHeaderBytes), ErrorCode::kTruncatedFile,
               "header length");
  for (const uint64_t length : {uint64_t{kMaxSafetensorsHeaderBytes} + 1, uint64_t{1} << 32,
                                uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    RequireError(parse_with_length(length), ErrorCode::kTooLarge, "header length");
  }
}

TEST_CASE("Headers that are not what the format prescribes") {
  const auto json = [](std::string_view header, std::string_view what) {
    RequireRefused(header, 0, ErrorCode::kMalformedJson, what);
  };
  json("{", "header");
  json("null", "header");
  json("[]", "JSON object");
  json("7", "JSON object");
  json("{} {}", "header");
  json("{\"w\xff\":{}}", "header");
  json("{\"w\":\"\xc3\x28\"}", "header");
  json("{\"w\":7}", "\"w\"");
  json("{\"w\":{}}", "\"dtype\"");
  json(R"({"w":{"dtype":"F32"}})", "\"shape\"");
  json(R"({"w":{"dtype":"F32","shape":[]}})", "\"data_offsets\"");
  json(R"({"w":{"dtype":7,"shape":[],"data_offsets":[0,4]}})", "dtype");
  json(R"({"w":{"dtype":"F32","shape":4,"data_offsets":[0,4]}})", "shape");
  json(R"({"w":{"dtype":"F32","shape":["4"],"data_offsets":[0,4]}})", "shape");
  json(R"({"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "shape");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":4}})", "data_offsets");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "data_offsets");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", "data_offsets");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}})", "data_offsets");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,1e300]}})", "data_offsets");
  json(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551616]}})",
       "data_offsets");
  json(R"({"__metadata__":[]})", "__metadata__");
  json(R"({"__metadata__":{"format":1}})", "\"format\"");
  json(R"({"w":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}})", "\"dtype\"");
  json(std::string(1'000'000, '['), "deeper");
  std::string nested;
  for (int i = 0; i < 200'000; ++i) nested += "{\"a\":";
  json(nested, "deeper");
}

TEST_CASE("Names twice, dtypes unknown") {
  const std::string entry = Entry("weight", "F32", "[1]", "[0,4]");
  RequireRefused("{" + entry + "," + entry + "}", 4, ErrorCode::kDuplicateTensor, "\"weight\"");
  RequireRefused("{" + entry + "," + Entry("w\\u0065ight", "F32", "[1]", "[4,8]") + "}", 8,
                 ErrorCode::kDuplicateTensor, "\"weight\"");
  for (const char* dtype : {"F31", "f32", "", "F32 ", "Q4_0"}) {
    RequireRefused(One(dtype, "[1]", "[0,4]"), 4, ErrorCode::kUnsupportedDType, "\"weight\"");
  }
}

TEST_CASE("Shapes negative, overflowing, or other than the bytes say") {
  const auto refused = [](const std::string& shape, const std::string& what) {
    RequireRefused(One("F32", shape, "[0,16]"), 16, ErrorCode::kMalformedHeader, what);
  };
  refused("[-1]", "shape");
  refused("[-4]", "shape");
  refused("[-2,-2]", "shape");
  refused("[9223372036854775808]", "shape");
  refused("[18446744073709551615]", "shape");
  refused("[3]", "12");
  refused("[5]", "20");
  refused("[0]", "data_offsets");
  refused("[]", "data_offsets");
  refused("[4,2]", "data_offsets");
  refused("[1,1,1,1,1,1,1,1,4]", "dimensions");
  // Products that wrap to the right size: 2^62 + 4 elements of 4 bytes are 16 bytes modulo 2^64.
  refused("[4611686018427387908]", "2^64");
  refused("[4294967296,4294967296]", "2^64");
  refused("[2147483648,2147483648,4]", "2^64");
  refused("[9223372036854775807,9223372036854775807,9223372036854775807]", "2^64");
  RequireRefused(One("F16", "[4]", "[0,16]"), 16, ErrorCode::kMalformedHeader, "data_offsets");
}

TEST_CASE("Offsets backwards, beyond the end, overlapping, or with holes") {
  const auto refused = [](const std::string& a, const std::string& b, ErrorCode code,
                          const std::string& what) {
    RequireRefused("{" + Entry("a", "F32", "[2]", a) + "," + Entry("b", "F32", "[2]", b) + "}", 16,
                   code, what);
  };
  refused("[8,0]", "[8,16]", ErrorCode::kMalformedHeader, "\"a\"");
  refused("[-8,0]", "[8,16]", ErrorCode::kMalformedHeader, "\"a\"");
  refused("[0,8]", "[9,17]", ErrorCode::kTruncatedFile, "\"b\"");
  refused("[0,8]", "[9223372036854775800,9223372036854775807]", ErrorCode::kTruncatedFile, "\"b\"");
  refused("[0,8]", "[18446744073709551608,18446744073709551615]", ErrorCode::kMalformedHeader,
          "\"b\"");
  refused("[0,8]", "[0,8]", ErrorCode::kMalformedHeader, "overlap");
  refused("[0,8]", "[4,12]", ErrorCode::kMalformedHeader, "overlap");
  refused("[8,16]", "[8,16]", ErrorCode::kMalformedHeader, "hole");
  RequireRefused(One("F32", "[1]", "[4,8]"), 8, ErrorCode::kMalformedHeader, "hole");
  RequireRefused(One("F32", "[1]", "[0,4]"), 8, ErrorCode::kMalformedHeader, "4 bytes");
  RequireRefused("{}", 1, ErrorCode::kMalformedHeader, "1 bytes");
}

TEST_CASE("A name from a hostile file cannot flood or forge a message") {
  const std::string name(100'000, 'x');
  RequireRefused("{" + Entry(name, "F31", "[1]", "[0,4]") + "}", 4, ErrorCode::kUnsupportedDType,
                 "xxx");
  RequireRefused("{" + Entry("a\\n\\u0000b", "F31", "[1]", "[0,4]") + "}", 4,
                 ErrorCode::kUnsupportedDType, "a\\x0a\\x00b");
}

TEST_CASE("Every kept hostile file gets the error that its name begins with") {
  // tests/hostile/make_files.py wrote them: ERROR-CODE.DESCRIPTION.safetensors
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/hostile/files")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    std::ifstream stream(entry.path(), std::ios::binary);
    REQUIRE(stream);
    const std::string text((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
    const auto parsed = SafetensorsFile::Parse(std::as_bytes(std::span(text)), name);
    REQUIRE_FALSE(parsed);
    INFO(parsed.error().message);
    CHECK(std::string(ErrorCodeName(parsed.error().code)) == name.substr(0, name.find('.')));
    CHECK(parsed.error().message.find(name) != std::string::npos);
    ++count;
  }
  CHECK(count >= 12);
}

}  // namespace halfling::testing
