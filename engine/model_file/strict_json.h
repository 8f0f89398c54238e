// JSON from an untrusted file: parsed whole or refused, never guessed at.
#ifndef HALFLING_ENGINE_MODEL_FILE_STRICT_JSON_H_
#define HALFLING_ENGINE_MODEL_FILE_STRICT_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/model_file/json_value.h"

namespace halfling {

// A document nested deeper is refused: destroying or walking the tree recurses, and a hostile file
// must not choose how deep.
inline constexpr int kMaxJsonDepth = 64;

// The whole of `text` as one JSON value; text that is not JSON, invalid UTF-8, a number beyond
// double's range or deeper nesting than kMaxJsonDepth is kMalformedJson. An object that names a key
// twice is refused too, with `duplicate_key_code` when it is the outermost one (elsewhere it is
// kMalformedJson). `where` names the document in messages.
Result<JsonValue> ParseStrictJson(std::string_view text, std::string_view where,
                                  ErrorCode duplicate_key_code = ErrorCode::kMalformedJson);

// The member `key` of `object` (any JSON value): kMalformedJson when `object` is not an object or
// lacks it. The pointer lives as long as `object`.
Result<const JsonValue*> JsonMember(const JsonValue& object, std::string_view key,
                                    std::string_view where);

// The value as an integer in [low, high]: another type (a fraction too) is kMalformedJson, outside
// the range is `range_code`. `where` names document and field.
Result<int64_t> JsonInteger(const JsonValue& value, int64_t low, int64_t high,
                            std::string_view where,
                            ErrorCode range_code = ErrorCode::kInvalidConfig);

// An array of at most `max_size` such integers: kTooLarge for a longer one.
Result<std::vector<int>> JsonIntegers(const JsonValue& value, int low, int high, size_t max_size,
                                      std::string_view where,
                                      ErrorCode range_code = ErrorCode::kInvalidConfig);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_STRICT_JSON_H_
