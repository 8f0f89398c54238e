#include "engine/base/result.h"

namespace halfling {

std::string_view ErrorCodeName(ErrorCode code) {
  // No default: the compiler warns when a code is added here but has no name.
  switch (code) {
    case ErrorCode::kTruncatedFile: return "truncated-file";
    case ErrorCode::kMalformedHeader: return "malformed-header";
    case ErrorCode::kMalformedJson: return "malformed-json";
    case ErrorCode::kUnsupportedVersion: return "unsupported-version";
    case ErrorCode::kUnsupportedModel: return "unsupported-model";
    case ErrorCode::kUnsupportedDType: return "unsupported-dtype";
    case ErrorCode::kMissingTensor: return "missing-tensor";
    case ErrorCode::kDuplicateTensor: return "duplicate-tensor";
    case ErrorCode::kShapeMismatch: return "shape-mismatch";
    case ErrorCode::kNonFiniteWeight: return "non-finite-weight";
    case ErrorCode::kInvalidWeight: return "invalid-weight";
    case ErrorCode::kInvalidConfig: return "invalid-config";
    case ErrorCode::kInvalidCatalog: return "invalid-catalog";
    case ErrorCode::kEmptyCatalog: return "empty-catalog";
    case ErrorCode::kEmptyHistory: return "empty-history";
    case ErrorCode::kHistoryTooLong: return "history-too-long";
    case ErrorCode::kUnknownItem: return "unknown-item";
    case ErrorCode::kInvalidRequest: return "invalid-request";
    case ErrorCode::kTooLarge: return "too-large";
    case ErrorCode::kChecksumMismatch: return "checksum-mismatch";
    case ErrorCode::kIo: return "io";
  }
  return "unknown";
}

tl::unexpected<Error> FailWithPieces(ErrorCode code, std::initializer_list<TextPiece> message) {
  return tl::unexpected<Error>(Error{code, ConcatPieces(message)});
}

}  // namespace halfling
