// A JSON document in memory, as ParseStrictJson (strict_json.h) reads it.
#ifndef HALFLING_ENGINE_MODEL_FILE_JSON_VALUE_H_
#define HALFLING_ENGINE_MODEL_FILE_JSON_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace halfling {

// One value. Each accessor gives nothing where the value is of another type, so reading a document
// of any other form than expected can only end in an error that the reader words.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::map<std::string, JsonValue, std::less<>>;  // in the order of the keys
  // A number that is written without fraction and exponent is an integer, a huge one from 2^63 to
  // 2^64 - 1; every other number is a double.
  using Data =
      std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object>;

  // Null until it is set, to a value of one of the types of Data.
  JsonValue() = default;
  template <typename T>
  void Set(T value) {
    data_.emplace<T>(std::move(value));
  }

  bool IsNull() const { return std::holds_alternative<std::nullptr_t>(data_); }
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const Array* AsArray() const { return std::get_if<Array>(&data_); }
  Array* AsArray() { return std::get_if<Array>(&data_); }
  const Object* AsObject() const { return std::get_if<Object>(&data_); }
  Object* AsObject() { return std::get_if<Object>(&data_); }
  const int64_t* AsInteger() const { return std::get_if<int64_t>(&data_); }
  const uint64_t* AsHugeInteger() const { return std::get_if<uint64_t>(&data_); }
  // Any number, integers beyond 2^53 rounded.
  std::optional<double> AsNumber() const;

  // The member `key`; null where this is not an object, or lacks it.
  const JsonValue* Find(std::string_view key) const;

  // "null", "boolean", "number", "string", "array" or "object", for messages.
  std::string_view TypeName() const;

 private:
  Data data_;
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_JSON_VALUE_H_
