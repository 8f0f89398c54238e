#include "engine/model_file/strict_json.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace halfling {
namespace {

using Json = nlohmann::json;

std::string TypeName(const Json& value) {
  return value.is_number_float() ? "a fractional number"
                                 : std::string("a value of type ") + value.type_name();
}

// Builds the tree as the parser's events arrive, and stops the parser at the first breach, so that
// neither a deep nor a repetitive document is ever held whole.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  TreeBuilder(std::string_view where, ErrorCode duplicate_key_code)
      : where_(where), duplicate_key_code_(duplicate_key_code) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // never in a text document
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) {
      const ErrorCode code = open_.size() == 1 ? duplicate_key_code_ : ErrorCode::kMalformedJson;
      error_ = Error{code, where_ + ": key " + Quoted(name) +
                               " appears twice in one object; expected each key once"};
      return false;
    }
    slot_ = &(*open_.back())[name];
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_ = Error{ErrorCode::kMalformedJson, where_ + ": not valid JSON at byte " +
                                                  std::to_string(position) +
                                                  "; expected one JSON value in UTF-8"};
    return false;
  }

  Json TakeRoot() { return std::move(root_); }
  Error TakeError() { return std::move(error_); }

 private:
  // Puts a value where the innermost open container expects the next one.
  template <typename T>
  bool Put(T&& value) {
    Place(Json(std::forward<T>(value)));
    return true;
  }

  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    *slot_ = std::move(value);
    return slot_;
  }

  bool Open(Json container) {
    if (open_.size() >= kMaxJsonDepth) {
      error_ = Error{ErrorCode::kMalformedJson,
                     where_ + ": nested deeper than " + std::to_string(kMaxJsonDepth) + " levels"};
      return false;
    }
    // Stays valid while it is open: its parent grows again only after it is closed.
    open_.push_back(Place(std::move(container)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string where_;
  ErrorCode duplicate_key_code_;
  Json root_;
  std::vector<Json*> open_;  // the containers around the parser's position, outermost first
  Json* slot_ = nullptr;     // the value of the key read last
  Error error_{ErrorCode::kMalformedJson, ""};
};

}  // namespace

Result<Json> ParseStrictJson(std::string_view text, std::string_view where,
                             ErrorCode duplicate_key_code) {
  TreeBuilder builder(where, duplicate_key_code);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return tl::unexpected<Error>(builder.TakeError());
  }
  return builder.TakeRoot();
}

Result<const Json*> JsonMember(const Json& object, std::string_view key, std::string_view where) {
  if (!object.is_object()) {
    return Fail(ErrorCode::kMalformedJson,
                std::string(where) + ": " + TypeName(object) + "; expected an object");
  }
  const auto found = object.find(std::string(key));
  if (found == object.end()) {
    return Fail(ErrorCode::kMalformedJson, std::string(where) + ": no field " + Quoted(key));
  }
  return &*found;
}

Result<int64_t> JsonInteger(const Json& value, int64_t low, int64_t high, std::string_view where,
                            ErrorCode range_code) {
  if (!value.is_number_integer()) {
    return Fail(ErrorCode::kMalformedJson,
                std::string(where) + ": " + TypeName(value) + "; expected an integer");
  }
  // Unsigned values beyond int64 would wrap in get<int64_t>().
  const bool too_big =
      value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t number = too_big ? INT64_MAX : value.get<int64_t>();
  if (too_big || number < low || number > high) {
    return Fail(range_code, std::string(where) + ": " + value.dump() +
                                "; expected an integer from " + std::to_string(low) + " to " +
                                std::to_string(high));
  }
  return number;
}

Result<std::vector<int>> JsonIntegers(const Json& value, int low, int high, size_t max_size,
                                      std::string_view where, ErrorCode range_code) {
  if (!value.is_array()) {
    return Fail(ErrorCode::kMalformedJson,
                std::string(where) + ": " + TypeName(value) + "; expected an array of integers");
  }
  if (value.size() > max_size) {
    return Fail(ErrorCode::kTooLarge, std::string(where) + ": " + std::to_string(value.size()) +
                                          " entries; expected at most " + std::to_string(max_size));
  }
  std::vector<int> numbers;
  numbers.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const std::string field = std::string(where) + "[" + std::to_string(i) + "]";
    HALFLING_ASSIGN_OR_RETURN(const int64_t number,
                              JsonInteger(value[i], low, high, field, range_code));
    numbers.push_back(static_cast<int>(number));
  }
  return numbers;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 96;
  constexpr char kHex[] = "0123456789abcdef";
  size_t shown = text.size();
  if (shown > kMaxShown) {
    shown = kMaxShown;
    // Never cut within a UTF-8 sequence.
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;
  }
  std::string quoted = "\"";
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      quoted += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      quoted += c;
    }
  }
  return quoted + (shown < text.size() ? "…\"" : "\"");
}

}  // namespace halfling
