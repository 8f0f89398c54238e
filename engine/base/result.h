// Errors as values: every fallible function of the engine returns Result<T>; nothing throws or
// aborts.
#ifndef HALFLING_ENGINE_BASE_RESULT_H_
#define HALFLING_ENGINE_BASE_RESULT_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "engine/base/text.h"

namespace halfling {

// One code per cause. The names travel to JavaScript as kebab-case strings (ErrorCodeName), so a
// code is never renamed or reused once released.
enum class ErrorCode {
  kTruncatedFile,        // a file ends before what its header promises
  kMalformedHeader,      // a container header is not what its format prescribes
  kMalformedJson,        // JSON that does not parse, or lacks a field, or has one of another type
  kUnsupportedVersion,   // a format version that this build does not read
  kUnsupportedModel,     // an architecture or an option that this build does not run
  kUnsupportedDType,     // a tensor's dtype that is not among those allowed for it
  kMissingTensor,        // a tensor that the configuration calls for is in no file
  kDuplicateTensor,      // the same tensor name in two places
  kShapeMismatch,        // a tensor's shape contradicts the configuration
  kNonFiniteWeight,      // NaN or infinity among the weights
  kInvalidWeight,        // stored integers, scales or row numbers outside their range
  kInvalidConfig,        // a configuration value out of its range
  kInvalidCatalog,       // item codes, tokens or counts that contradict each other
  kEmptyCatalog,         // a catalogue without items
  kEmptyHistory,         // a request without a single history item
  kHistoryTooLong,       // a history beyond kMaxHistoryItems
  kUnknownItem,          // an item index or id that the catalogue does not have
  kInvalidRequest,       // any other request parameter out of its range
  kTooLarge,             // a size beyond the limits of this build
  kChecksumMismatch,     // bytes that differ from the manifest's sha256
  kIo,                   // a file that cannot be read or written (the engine never raises it)
};

// "truncated-file", "malformed-header", …: stable, kebab-case, without the k.
std::string_view ErrorCodeName(ErrorCode code);

// What went wrong, where (file, field), and what was expected instead, in one English sentence.
struct Error {
  ErrorCode code;
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

// The outcome of an action without a value.
using Status = Result<void>;

tl::unexpected<Error> FailWithPieces(ErrorCode code, std::initializer_list<TextPiece> message);

// An error whose message is the pieces one after another.
template <typename... Pieces>
tl::unexpected<Error> Fail(ErrorCode code, const Pieces&... message) {
  return FailWithPieces(code, {TextPiece(message)...});
}

}  // namespace halfling

// Propagates the error of `expression`, a Status or Result, out of the enclosing function.
#define HALFLING_RETURN_IF_ERROR(expression)                                  \
  do {                                                                        \
    if (auto halfling_status = (expression); !halfling_status) {              \
      return tl::unexpected<::halfling::Error>(                               \
          std::move(halfling_status).error());                                \
    }                                                                         \
  } while (false)

#define HALFLING_CONCAT_INNER(a, b) a##b
#define HALFLING_CONCAT(a, b) HALFLING_CONCAT_INNER(a, b)
#define HALFLING_ASSIGN_OR_RETURN_INNER(result, declaration, expression)      \
  auto result = (expression);                                                 \
  if (!result) {                                                              \
    return tl::unexpected<::halfling::Error>(std::move(result).error());      \
  }                                                                           \
  declaration = *std::move(result)

// `HALFLING_ASSIGN_OR_RETURN(auto x, F())` binds x to F's value or returns F's error.
#define HALFLING_ASSIGN_OR_RETURN(declaration, expression)                    \
  HALFLING_ASSIGN_OR_RETURN_INNER(HALFLING_CONCAT(halfling_result_, __LINE__), declaration, \
                                  expression)

#endif  // HALFLING_ENGINE_BASE_RESULT_H_
