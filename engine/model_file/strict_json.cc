#include "engine/model_file/strict_json.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace halfling {
namespace {

// RapidJSON writes through what its allocator returns without a look: running out of memory must
// end as it does everywhere else.
struct ReaderAllocator {
  void* Malloc(size_t size) { return ::operator new(size); }
  void* Realloc(void* old, size_t old_size, size_t size) {
    void* const grown = Malloc(size);
    if (old_size > 0) std::memcpy(grown, old, old_size);
    Free(old);
    return grown;
  }
  static void Free(void* memory) { ::operator delete(memory); }
};

using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ReaderAllocator>;

// Whether `text`, valid as the file spells it, is UTF-8 once unescaped: RapidJSON lets the second
// half of a surrogate pair pass on its own.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xED' && static_cast<unsigned char>(text[i + 1]) >= 0xA0) return false;
  }
  return true;
}

// Builds the tree as the reader's events arrive, and stops the reader at the first breach, so that
// neither a deep nor a repetitive document is ever held whole.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view where, ErrorCode duplicate_key_code)
      : where_(where), duplicate_key_code_(duplicate_key_code) {}

  // RapidJSON's Handler concept; false stops it.
  bool Null() { return Put(nullptr); }
  bool Bool(bool value) { return Put(value); }
  bool Int(int value) { return Int64(value); }
  bool Uint(unsigned value) { return Int64(value); }
  bool Int64(int64_t value) { return Put(value); }
  bool Uint64(uint64_t value) {
    return value > uint64_t{INT64_MAX} ? Put(value) : Int64(static_cast<int64_t>(value));
  }
  bool Double(double value) { return Put(value); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }  // not asked for
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return IsUtf8({text, size}) && Put(std::string(text, size));
  }
  bool StartObject() { return Open(JsonValue::Object()); }
  bool StartArray() { return Open(JsonValue::Array()); }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view name(text, size);
    if (!IsUtf8(name)) return false;
    const auto [member, added] = open_.back()->AsObject()->try_emplace(std::string(name));
    if (!added) {
      const ErrorCode code = open_.size() == 1 ? duplicate_key_code_ : ErrorCode::kMalformedJson;
      error_ = Error{code, Concat(where_, ": key ", Quoted(name),
                                  " appears twice in one object; expected each key once")};
      return false;
    }
    slot_ = &member->second;
    return true;
  }

  JsonValue TakeRoot() { return std::move(root_); }
  // Why the reader stopped at `position`.
  Error TakeError(size_t position) {
    if (!error_.message.empty()) return std::move(error_);
    return {ErrorCode::kMalformedJson, Concat(where_, ": not valid JSON at byte ", position,
                                              "; expected one JSON value in UTF-8")};
  }

 private:
  // Where the innermost open container expects the next value.
  JsonValue* Place() {
    JsonValue::Array* const array = open_.empty() ? nullptr : open_.back()->AsArray();
    return array == nullptr ? slot_ : &array->emplace_back();
  }

  template <typename T>
  bool Put(T value) {
    Place()->Set(std::move(value));
    return true;
  }

  template <typename T>
  bool Open(T container) {
    if (open_.size() >= kMaxJsonDepth) {
      error_ = Error{ErrorCode::kMalformedJson,
                     Concat(where_, ": nested deeper than ", kMaxJsonDepth, " levels")};
      return false;
    }
    // Stays valid while it is open: its parent grows again only after it is closed.
    open_.push_back(Place());
    open_.back()->Set(std::move(container));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string_view where_;
  ErrorCode duplicate_key_code_;
  JsonValue root_;
  std::vector<JsonValue*> open_;  // the containers around the reader's position, outermost first
  JsonValue* slot_ = &root_;      // outside of arrays, where the next value belongs
  Error error_{ErrorCode::kMalformedJson, ""};
};

tl::unexpected<Error> WrongType(const JsonValue& value, std::string_view where,
                                std::string_view expected) {
  const bool is_fraction =
      value.AsNumber() && value.AsInteger() == nullptr && value.AsHugeInteger() == nullptr;
  return Fail(ErrorCode::kMalformedJson, where, ": ",
              is_fraction ? "a fractional " : "a value of type ", value.TypeName(), "; expected ",
              expected);
}

}  // namespace

Result<JsonValue> ParseStrictJson(std::string_view text, std::string_view where,
                                  ErrorCode duplicate_key_code) {
  constexpr unsigned kFlags =
      rapidjson::kParseFullPrecisionFlag | rapidjson::kParseValidateEncodingFlag;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  TreeBuilder builder(where, duplicate_key_code);
  Reader reader;
  rapidjson::MemoryStream stream(text.data(), text.size());
  reader.Parse<kFlags>(stream, builder);
  if (reader.HasParseError()) {
    return tl::unexpected<Error>(builder.TakeError(reader.GetErrorOffset()));
  }
  // To the reader a byte of 0 is the end.
  if (stream.Tell() != text.size()) return tl::unexpected<Error>(builder.TakeError(stream.Tell()));
  return builder.TakeRoot();
}

Result<const JsonValue*> JsonMember(const JsonValue& object, std::string_view key,
                                    std::string_view where) {
  if (object.AsObject() == nullptr) return WrongType(object, where, "an object");
  const JsonValue* const member = object.Find(key);
  if (member == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ": no field ", Quoted(key));
  }
  return member;
}

Result<int64_t> JsonInteger(const JsonValue& value, int64_t low, int64_t high,
                            std::string_view where, ErrorCode range_code) {
  const auto refused = [&](auto shown) {
    return Fail(range_code, where, ": ", shown, "; expected an integer from ", low, " to ", high);
  };
  if (const uint64_t* const huge = value.AsHugeInteger()) return refused(*huge);
  const int64_t* const number = value.AsInteger();
  if (number == nullptr) return WrongType(value, where, "an integer");
  if (*number < low || *number > high) return refused(*number);
  return *number;
}

Result<std::vector<int>> JsonIntegers(const JsonValue& value, int low, int high, size_t max_size,
                                      std::string_view where, ErrorCode range_code) {
  const JsonValue::Array* const array = value.AsArray();
  if (array == nullptr) return WrongType(value, where, "an array of integers");
  if (array->size() > max_size) {
    return Fail(ErrorCode::kTooLarge, where, ": ", array->size(), " entries; expected at most ",
                max_size);
  }
  std::vector<int> numbers;
  numbers.reserve(array->size());
  for (size_t i = 0; i < array->size(); ++i) {
    HALFLING_ASSIGN_OR_RETURN(
        const int64_t number,
        JsonInteger((*array)[i], low, high, Concat(where, "[", i, "]"), range_code));
    numbers.push_back(static_cast<int>(number));
  }
  return numbers;
}

}  // namespace halfling
