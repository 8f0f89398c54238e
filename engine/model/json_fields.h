// Checked reading of a configuration's fields.
#ifndef HALFLING_ENGINE_MODEL_JSON_FIELDS_H_
#define HALFLING_ENGINE_MODEL_JSON_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.h"
#include "engine/model_file/strict_json.h"

namespace halfling {

// The fields of one JSON object, which must outlive this view. Absent and null are the same:
// transformers writes null for "not set".
class JsonFields {
 public:
  // `where` names the object in messages, e.g. "config.json".
  JsonFields(const JsonValue& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  // Null when absent.
  const JsonValue* Find(std::string_view key) const {
    const JsonValue* const found = object_.Find(key);
    return found == nullptr || found->IsNull() ? nullptr : found;
  }
  // Whether the field is there, be it null.
  bool Contains(std::string_view key) const { return object_.Find(key) != nullptr; }
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  std::string At(std::string_view key) const { return Concat(where_, ": \"", key, "\""); }

  // Into `value`; leaves it alone when the field is absent.
  Status Read(std::string_view key, int low, int high, int& value) const {
    const JsonValue* const field = Find(key);
    if (field == nullptr) return {};
    HALFLING_ASSIGN_OR_RETURN(const int64_t integer, JsonInteger(*field, low, high, At(key)));
    value = static_cast<int>(integer);
    return {};
  }

  Status Read(std::string_view key, double low, double high, double& value) const {
    const JsonValue* const field = Find(key);
    if (field == nullptr) return {};
    const std::optional<double> number = field->AsNumber();
    if (!number) return WrongType(key, "a number", field);
    if (!(*number >= low && *number <= high)) {
      return Fail(ErrorCode::kInvalidConfig, At(key), " is ", *number, ", expected ", low, " to ",
                  high);
    }
    value = *number;
    return {};
  }

  Status Read(std::string_view key, bool& value) const {
    const JsonValue* const field = Find(key);
    if (field == nullptr) return {};
    const bool* const found = field->AsBool();
    if (found == nullptr) return WrongType(key, "true or false", field);
    value = *found;
    return {};
  }

  Status Read(std::string_view key, std::string& value) const {
    const JsonValue* const field = Find(key);
    if (field == nullptr) return {};
    const std::string* const found = field->AsString();
    if (found == nullptr) return WrongType(key, "a string", field);
    value = *found;
    return {};
  }

  Status ReadRequired(std::string_view key, int low, int high, int& value) const {
    if (!Has(key)) {
      return Fail(ErrorCode::kMalformedJson, At(key), " is missing, expected an integer");
    }
    return Read(key, low, high, value);
  }

  // The object under `key`.
  Result<JsonFields> Object(std::string_view key) const {
    const JsonValue* const field = Find(key);
    if (field == nullptr || field->AsObject() == nullptr) {
      return WrongType(key, "an object", field);
    }
    return JsonFields(*field, At(key));
  }

 private:
  tl::unexpected<Error> WrongType(std::string_view key, std::string_view expected,
                                  const JsonValue* found) const {
    return Fail(ErrorCode::kMalformedJson, At(key), " is of type ",
                found == nullptr ? "null" : found->TypeName(), ", expected ", expected);
  }

  const JsonValue& object_;
  std::string where_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_JSON_FIELDS_H_
