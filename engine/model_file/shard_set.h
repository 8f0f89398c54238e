// The files of a model directory as a set: names, order, completeness.
#ifndef HALFLING_ENGINE_MODEL_FILE_SHARD_SET_H_
#define HALFLING_ENGINE_MODEL_FILE_SHARD_SET_H_

#include <cstddef>
#include <string>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

struct FileBytes {
  std::string name;
  std::vector<std::byte> bytes;
};

inline constexpr int kMaxShards = 1'000;

// "model-00001-of-00003.safetensors"; number counts from 1.
std::string ShardName(int number, int total);

// The shards in the order of their numbers. kMalformedHeader for a name that is not a shard's or
// totals that differ, kTooLarge for a total above kMaxShards, kDuplicateTensor for a shard that
// came twice, kTruncatedFile for a missing one.
Result<std::vector<FileBytes>> SortShards(std::vector<FileBytes> shards);

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_FILE_SHARD_SET_H_
