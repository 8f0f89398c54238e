#include "compressor/model_directory/compression_details.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"

namespace halfling {
namespace {

CompressionDetails SmallDetails() {
  CompressionDetails details;
  details.matrices.push_back({"model.layers.0.self_attn.q_proj",
                              0,
                              4,
                              3,
                              "low-rank",
                              "int8",
                              2,
                              14,
                              38,
                              {5.5, 1.25, 0.0},
                              0.0123});
  details.matrices.push_back(
      {"model.layers.0.mlp.up_proj", 0, 6, 3, "dense", "f16", 3, 18, 36, {}, std::nullopt});
  details.layers.push_back({0, 0.0021});
  details.layers.push_back({1, std::nullopt});
  return details;
}

void ExpectRefused(const nlohmann::json& document, ErrorCode code, const std::string& mentioned) {
  const auto parsed = ParseCompressionDetails(document.dump(), "c.json");
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code == code);
  INFO(parsed.error().message);
  CHECK(parsed.error().message.find(mentioned) != std::string::npos);
}

}  // namespace

TEST_CASE("compression.json reads back as it was written") {
  const std::string json = CompressionDetailsToJson(SmallDetails());
  const auto parsed = ParseCompressionDetails(json, "c.json");
  REQUIRE(parsed.has_value());
  CHECK(CompressionDetailsToJson(*parsed) == json);
  REQUIRE(parsed->matrices.size() == 2);
  const MatrixDetails& matrix = parsed->matrices[0];
  CHECK(matrix.name == "model.layers.0.self_attn.q_proj");
  CHECK(matrix.out == 4);
  CHECK(matrix.in == 3);
  CHECK(matrix.storage == "low-rank");
  CHECK(matrix.dtype == "int8");
  CHECK(matrix.rank == 2);
  CHECK(matrix.parameters == 14);
  CHECK(matrix.bytes == 38);
  CHECK(matrix.singular_values == std::vector<double>{5.5, 1.25, 0.0});
  CHECK(matrix.relative_error == 0.0123);
  CHECK_FALSE(parsed->matrices[1].relative_error.has_value());
  CHECK(parsed->layers[0].relative_error == 0.0021);
  CHECK(parsed->layers[1].layer == 1);

  CompressionDetails thirds = SmallDetails();
  thirds.layers[0].relative_error = 1.0 / 3.0;
  CHECK(ParseCompressionDetails(CompressionDetailsToJson(thirds), "")->layers[0].relative_error ==
        0.333333);
}

TEST_CASE("a compression.json that is wrong is refused, with the field at fault") {
  const auto good = nlohmann::json::parse(CompressionDetailsToJson(SmallDetails()));
  const auto refuse = [&good](const std::string& pointer, const nlohmann::json& value,
                              const std::string& mentioned) {
    CAPTURE(pointer, value.dump());
    auto document = good;
    document[nlohmann::json::json_pointer(pointer)] = value;
    ExpectRefused(document, ErrorCode::kMalformedJson, mentioned);
  };
  refuse("/matrices", 3, "c.json: matrices");
  refuse("/matrices/1", "q_proj", "matrices[1]");
  refuse("/matrices/0/name", 1, "matrices[0].name");
  refuse("/matrices/0/out", 0, "matrices[0].out");
  refuse("/matrices/0/in", 1.5, "matrices[0].in");
  refuse("/matrices/0/rank", 4, "matrices[0].rank");
  refuse("/matrices/0/storage", "sparse", "\"low-rank\"");
  refuse("/matrices/0/dtype", "int2", "\"int4\"");
  refuse("/matrices/0/bytes", -1, "matrices[0].bytes");
  refuse("/matrices/0/singular_values", {1, 2, 3}, "singular_values[1]");
  refuse("/matrices/0/singular_values", {3, 2}, "min(out, in), 3");
  refuse("/matrices/0/singular_values", {3, 2, -1}, "singular_values[2]");
  refuse("/matrices/0/relative_error", "small", "matrices[0].relative_error");
  refuse("/layers/0/relative_error", -1, "layers[0].relative_error");
  refuse("/layers/0/layer", nullptr, "layers[0].layer");

  auto document = good;
  document["format"] = 2;
  ExpectRefused(document, ErrorCode::kUnsupportedVersion, "format");
  document = good;
  document.erase("layers");
  ExpectRefused(document, ErrorCode::kMalformedJson, "layers");
  CHECK_FALSE(ParseCompressionDetails("{", "c.json").has_value());
}

}  // namespace halfling
