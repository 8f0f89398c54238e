// Checked reading of a configuration's fields.
#ifndef HALFLING_ENGINE_MODEL_JSON_FIELDS_H_
#define HALFLING_ENGINE_MODEL_JSON_FIELDS_H_

#include <nlohmann/json.hpp>
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
  JsonFields(const nlohmann::json& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  // Null when absent.
  const nlohmann::json* Find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  // Whether the field is there, be it null.
  bool Contains(std::string_view key) const { return object_.contains(key); }
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  std::string At(std::string_view key) const { return where_ + ": \"" + std::string(key) + "\""; }

  // Into `value`; leaves it alone when the field is absent.
  Status Read(std::string_view key, int low, int high, int& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return {};
    HALFLING_ASSIGN_OR_RETURN(const int64_t integer, JsonInteger(*field, low, high, At(key)));
    value = static_cast<int>(integer);
    return {};
  }

  Status Read(std::string_view key, double low, double high, double& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return {};
    if (!field->is_number()) return WrongType(key, "a number", *field);
    const double number = field->get<double>();
    if (!(number >= low && number <= high)) {
      return Fail(ErrorCode::kInvalidConfig, At(key) + " is " + field->dump() + ", expected " +
                                                 nlohmann::json(low).dump() + " to " +
                                                 nlohmann::json(high).dump());
    }
    value = number;
    return {};
  }

  Status Read(std::string_view key, bool& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return {};
    if (!field->is_boolean()) return WrongType(key, "true or false", *field);
    value = field->get<bool>();
    return {};
  }

  Status Read(std::string_view key, std::string& value) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr) return {};
    if (!field->is_string()) return WrongType(key, "a string", *field);
    value = field->get<std::string>();
    return {};
  }

  Status ReadRequired(std::string_view key, int low, int high, int& value) const {
    if (!Has(key)) {
      return Fail(ErrorCode::kMalformedJson, At(key) + " is missing, expected an integer");
    }
    return Read(key, low, high, value);
  }

  // The object under `key`.
  Result<JsonFields> Object(std::string_view key) const {
    const nlohmann::json* field = Find(key);
    if (field == nullptr || !field->is_object()) {
      return WrongType(key, "an object", field == nullptr ? nlohmann::json() : *field);
    }
    return JsonFields(*field, At(key));
  }

 private:
  tl::unexpected<Error> WrongType(std::string_view key, std::string_view expected,
                                  const nlohmann::json& found) const {
    return Fail(ErrorCode::kMalformedJson, At(key) + " is of type " + found.type_name() +
                                               ", expected " + std::string(expected));
  }

  const nlohmann::json& object_;
  std::string where_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_JSON_FIELDS_H_
