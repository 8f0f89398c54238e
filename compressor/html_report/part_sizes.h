// Where the bytes of a directory go.
#ifndef HALFLING_COMPRESSOR_HTML_REPORT_PART_SIZES_H_
#define HALFLING_COMPRESSOR_HTML_REPORT_PART_SIZES_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/base/result.h"

namespace halfling {

enum class Part { kEmbedding, kHead, kAttention, kFeedForward, kNorms, kCodes, kOther, kCatalogue };
inline constexpr std::array kParts = {Part::kEmbedding,   Part::kHead,     Part::kAttention,
                                      Part::kFeedForward, Part::kNorms,    Part::kCodes,
                                      Part::kOther,       Part::kCatalogue};

std::string_view PartName(Part part);

// Bytes on disk, indexed by Part. kOther: the weight files' headers, and tensors of no known name.
// kCatalogue: catalog.json, or a checkpoint's recommender.json.
using PartSizes = std::array<int64_t, kParts.size()>;

// Of a checkpoint or a model directory. Errors as opening it has them.
Result<PartSizes> MeasureParts(const std::filesystem::path& directory);

// The part that a tensor belongs to, by its name.
Part PartOf(std::string_view tensor);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_HTML_REPORT_PART_SIZES_H_
