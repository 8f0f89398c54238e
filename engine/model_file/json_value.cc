#include "engine/model_file/json_value.h"

#include <iterator>

namespace halfling {

std::optional<double> JsonValue::AsNumber() const {
  if (const auto* number = std::get_if<double>(&data_)) return *number;
  if (const int64_t* number = AsInteger()) return static_cast<double>(*number);
  if (const uint64_t* number = AsHugeInteger()) return static_cast<double>(*number);
  return std::nullopt;
}

const JsonValue* JsonValue::Find(std::string_view key) const {
  const Object* const object = AsObject();
  if (object == nullptr) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &found->second;
}

std::string_view JsonValue::TypeName() const {
  constexpr std::string_view kNames[] = {"null",   "boolean", "number", "number",
                                         "number", "string",  "array",  "object"};
  static_assert(std::size(kNames) == std::variant_size_v<Data>);
  return kNames[data_.index()];
}

}  // namespace halfling
