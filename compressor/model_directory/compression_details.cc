#include "compressor/model_directory/compression_details.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "compressor/io/json_fields.h"
#include "compressor/io/json_text.h"

namespace halfling {
namespace {

constexpr int kDetailsFormat = 1;
constexpr int64_t kMaxDim = int64_t{1} << 31U;
constexpr std::array<std::string_view, 3> kStorages = {"dense", "low-rank", "pivoted"};
constexpr std::array<std::string_view, 5> kDTypes = {"f32", "f16", "bf16", "int8", "int4"};

Result<std::string> ChoiceField(const JsonValue& object, const char* key,
                                std::span<const std::string_view> choices,
                                const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(std::string text, TextField(object, key, where));
  if (std::ranges::find(choices, text) != choices.end()) return text;
  std::string expected;
  for (const std::string_view choice : choices) {
    expected += (expected.empty() ? "" : ", ") + Quoted(choice);
  }
  return Fail(ErrorCode::kMalformedJson,
              where + "." + key + ": " + Quoted(text) + "; expected one of " + expected);
}

Result<int64_t> IntegerField(const JsonValue& object, const char* key, int64_t low, int64_t high,
                             const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  return JsonInteger(*value, low, high, where + "." + key, ErrorCode::kMalformedJson);
}

// An error that may be unknown: a number of at least 0, or null.
Result<std::optional<double>> ErrorField(const JsonValue& object, const std::string& where) {
  constexpr char kKey[] = "relative_error";
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, kKey, where));
  if (value->IsNull()) return std::optional<double>();
  const std::optional<double> error = value->AsNumber();
  if (!error || *error < 0) {
    return Fail(ErrorCode::kMalformedJson,
                where + "." + kKey + ": expected a number of at least 0, or null");
  }
  return error;
}

Result<const JsonValue::Array*> ArrayField(const JsonValue& object, const char* key,
                                           const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  const JsonValue::Array* const array = value->AsArray();
  if (array == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ": ", key, ": expected an array");
  }
  return array;
}

Result<std::vector<double>> ParseSingularValues(const JsonValue& object, int64_t expected,
                                                const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue::Array* const array,
                            ArrayField(object, "singular_values", where));
  const std::string field = where + ".singular_values";
  if (!array->empty() && static_cast<int64_t>(array->size()) != expected) {
    return Fail(ErrorCode::kMalformedJson, field + ": " + std::to_string(array->size()) +
                                               " of them; expected none or min(out, in), " +
                                               std::to_string(expected));
  }
  std::vector<double> values;
  for (const JsonValue& value : *array) {
    const std::optional<double> number = value.AsNumber();
    if (!number || *number < 0 || (!values.empty() && *number > values.back())) {
      return Fail(ErrorCode::kMalformedJson, field + "[" + std::to_string(values.size()) +
                                                 "]: expected falling numbers of at least 0");
    }
    values.push_back(*number);
  }
  return values;
}

Result<MatrixDetails> ParseMatrix(const JsonValue& value, const std::string& where) {
  MatrixDetails matrix;
  HALFLING_ASSIGN_OR_RETURN(matrix.name, TextField(value, "name", where));
  HALFLING_ASSIGN_OR_RETURN(matrix.layer, CountField(value, "layer", where));
  HALFLING_ASSIGN_OR_RETURN(matrix.out, IntegerField(value, "out", 1, kMaxDim, where));
  HALFLING_ASSIGN_OR_RETURN(matrix.in, IntegerField(value, "in", 1, kMaxDim, where));
  HALFLING_ASSIGN_OR_RETURN(matrix.storage, ChoiceField(value, "storage", kStorages, where));
  HALFLING_ASSIGN_OR_RETURN(matrix.dtype, ChoiceField(value, "dtype", kDTypes, where));
  const int64_t full_rank = std::min(matrix.out, matrix.in);
  HALFLING_ASSIGN_OR_RETURN(matrix.rank, IntegerField(value, "rank", 1, full_rank, where));
  HALFLING_ASSIGN_OR_RETURN(matrix.parameters, CountField(value, "parameters", where));
  HALFLING_ASSIGN_OR_RETURN(matrix.bytes, CountField(value, "bytes", where));
  HALFLING_ASSIGN_OR_RETURN(matrix.singular_values, ParseSingularValues(value, full_rank, where));
  HALFLING_ASSIGN_OR_RETURN(matrix.relative_error, ErrorField(value, where));
  return matrix;
}

// To six significant digits; JSON then spells it no longer than that.
double Rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return std::strtod(text, nullptr);
}

nlohmann::ordered_json ErrorToJson(const std::optional<double>& error) {
  return error ? nlohmann::ordered_json(Rounded(*error)) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json MatrixToJson(const MatrixDetails& matrix) {
  nlohmann::ordered_json singular_values = nlohmann::ordered_json::array();
  for (const double value : matrix.singular_values) singular_values.push_back(Rounded(value));
  return {{"name", matrix.name},
          {"layer", matrix.layer},
          {"out", matrix.out},
          {"in", matrix.in},
          {"storage", matrix.storage},
          {"dtype", matrix.dtype},
          {"rank", matrix.rank},
          {"parameters", matrix.parameters},
          {"bytes", matrix.bytes},
          {"singular_values", std::move(singular_values)},
          {"relative_error", ErrorToJson(matrix.relative_error)}};
}

}  // namespace

Result<CompressionDetails> ParseCompressionDetails(std::string_view json,
                                                   const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(json, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const format, JsonMember(document, "format", where));
  HALFLING_RETURN_IF_ERROR(JsonInteger(*format, kDetailsFormat, kDetailsFormat, where + ": format",
                                       ErrorCode::kUnsupportedVersion));
  CompressionDetails details;
  HALFLING_ASSIGN_OR_RETURN(const JsonValue::Array* const matrices,
                            ArrayField(document, "matrices", where));
  for (const JsonValue& value : *matrices) {
    const std::string field = where + ": matrices[" + std::to_string(details.matrices.size()) + "]";
    HALFLING_ASSIGN_OR_RETURN(MatrixDetails matrix, ParseMatrix(value, field));
    details.matrices.push_back(std::move(matrix));
  }
  HALFLING_ASSIGN_OR_RETURN(const JsonValue::Array* const layers,
                            ArrayField(document, "layers", where));
  for (const JsonValue& value : *layers) {
    const std::string field = where + ": layers[" + std::to_string(details.layers.size()) + "]";
    LayerDetails layer;
    HALFLING_ASSIGN_OR_RETURN(layer.layer, CountField(value, "layer", field));
    HALFLING_ASSIGN_OR_RETURN(layer.relative_error, ErrorField(value, field));
    details.layers.push_back(layer);
  }
  return details;
}

std::string CompressionDetailsToJson(const CompressionDetails& details) {
  nlohmann::ordered_json matrices = nlohmann::ordered_json::array();
  for (const MatrixDetails& matrix : details.matrices) matrices.push_back(MatrixToJson(matrix));
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerDetails& layer : details.layers) {
    layers.push_back(
        {{"layer", layer.layer}, {"relative_error", ErrorToJson(layer.relative_error)}});
  }
  const nlohmann::ordered_json json = {
      {"format", kDetailsFormat}, {"matrices", std::move(matrices)}, {"layers", std::move(layers)}};
  return JsonText(json, 1);
}

}  // namespace halfling
