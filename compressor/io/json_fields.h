// Fields of untrusted JSON objects, beyond what the engine's strict_json.h reads.
#ifndef HALFLING_COMPRESSOR_IO_JSON_FIELDS_H_
#define HALFLING_COMPRESSOR_IO_JSON_FIELDS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "engine/model_file/strict_json.h"

namespace halfling {

// Each: kMalformedJson, with `where` and the key, when the field is missing or of another type.

inline Result<std::string> TextField(const JsonValue& object, const char* key,
                                     const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  const std::string* const text = value->AsString();
  if (text == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ".", key, ": expected a text");
  }
  return *text;
}

inline Result<double> NumberField(const JsonValue& object, const char* key,
                                  const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  const std::optional<double> number = value->AsNumber();
  if (!number) return Fail(ErrorCode::kMalformedJson, where, ".", key, ": expected a number");
  return *number;
}

inline Result<bool> BooleanField(const JsonValue& object, const char* key,
                                 const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  const bool* const truth = value->AsBool();
  if (truth == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ".", key, ": expected true or false");
  }
  return *truth;
}

// A count: an integer of at least 0.
inline Result<int64_t> CountField(const JsonValue& object, const char* key,
                                  const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  return JsonInteger(*value, 0, std::numeric_limits<int64_t>::max(), where + "." + key,
                     ErrorCode::kMalformedJson);
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_IO_JSON_FIELDS_H_
