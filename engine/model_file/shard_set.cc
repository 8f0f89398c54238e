#include "engine/model_file/shard_set.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/base/text.h"

namespace halfling {
namespace {

constexpr std::string_view kNamePrefix = "model-";
constexpr std::string_view kNameMiddle = "-of-";
constexpr std::string_view kNameSuffix = ".safetensors";
constexpr size_t kNameDigits = 5;

// `digits` as a number, if it is kNameDigits decimal digits.
std::optional<int> ParseDigits(std::string_view digits) {
  if (digits.size() != kNameDigits) return std::nullopt;
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

struct ShardNumber {
  int number = 0;
  int total = 0;
};

Result<ShardNumber> ParseShardName(const std::string& name) {
  constexpr size_t kMiddleAt = kNamePrefix.size() + kNameDigits;
  constexpr size_t kTotalAt = kMiddleAt + kNameMiddle.size();
  constexpr size_t kSuffixAt = kTotalAt + kNameDigits;
  const std::string_view view = name;
  if (view.size() == kSuffixAt + kNameSuffix.size() && view.starts_with(kNamePrefix) &&
      view.ends_with(kNameSuffix) && view.substr(kMiddleAt, kNameMiddle.size()) == kNameMiddle) {
    const std::optional<int> number = ParseDigits(view.substr(kNamePrefix.size(), kNameDigits));
    const std::optional<int> total = ParseDigits(view.substr(kTotalAt, kNameDigits));
    if (total && *total > kMaxShards) {
      return Fail(ErrorCode::kTooLarge, "file name ", Quoted(name), "; expected at most ",
                  kMaxShards, " shards");
    }
    if (number && total && *number >= 1 && *number <= *total) return ShardNumber{*number, *total};
  }
  return Fail(ErrorCode::kMalformedHeader, "file name ", Quoted(name),
              "; expected model-KKKKK-of-NNNNN.safetensors, with K from 1 to N");
}

}  // namespace

std::string ShardName(int number, int total) {
  const auto padded = [](int value) {
    const std::string digits = Concat(value);
    return std::string(kNameDigits - std::min(kNameDigits, digits.size()), '0') + digits;
  };
  return Concat(kNamePrefix, padded(number), kNameMiddle, padded(total), kNameSuffix);
}

Result<std::vector<FileBytes>> SortShards(std::vector<FileBytes> shards) {
  if (shards.empty()) {
    return Fail(
        ErrorCode::kTruncatedFile,
        "no shards; expected model-KKKKK-of-NNNNN.safetensors, with each K from 1 to N once");
  }
  int total = 0;
  std::vector<FileBytes> sorted;
  std::vector<char> present;
  for (FileBytes& shard : shards) {
    HALFLING_ASSIGN_OR_RETURN(const ShardNumber number, ParseShardName(shard.name));
    if (total == 0) {
      total = number.total;
      sorted.resize(static_cast<size_t>(total));
      present.resize(static_cast<size_t>(total));
    }
    if (number.total != total) {
      return Fail(ErrorCode::kMalformedHeader, shard.name, ": file name says ", number.total,
                  " shards, another one ", total);
    }
    const auto at = static_cast<size_t>(number.number - 1);
    if (present[at] != 0) {
      return Fail(ErrorCode::kDuplicateTensor, shard.name, ": this shard came twice");
    }
    present[at] = 1;
    sorted[at] = std::move(shard);
  }
  const auto missing = std::find(present.begin(), present.end(), 0);
  if (missing != present.end()) {
    const int number = static_cast<int>(missing - present.begin()) + 1;
    return Fail(ErrorCode::kTruncatedFile, ShardName(number, total), ": missing; expected all ",
                total, " shards");
  }
  return sorted;
}

}  // namespace halfling
