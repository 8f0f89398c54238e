// The linear layers of a block by the input that they share.
#ifndef HALFLING_COMPRESSOR_STAGES_INPUT_GROUP_H_
#define HALFLING_COMPRESSOR_STAGES_INPUT_GROUP_H_

#include <array>

#include "engine/model/weights.h"

namespace halfling {

// In forward order: {q, k, v}, {o}, {gate, up}, {down}.
enum class InputGroup { kAttention, kAttended, kFeedForward, kGated };
inline constexpr std::array kInputGroups = {InputGroup::kAttention, InputGroup::kAttended,
                                            InputGroup::kFeedForward, InputGroup::kGated};
inline constexpr size_t kNumInputGroups = kInputGroups.size();

constexpr InputGroup GroupOf(LinearKind kind) {
  switch (kind) {
    case LinearKind::kQuery:
    case LinearKind::kKey:
    case LinearKind::kValue:
      return InputGroup::kAttention;
    case LinearKind::kOutput:
      return InputGroup::kAttended;
    case LinearKind::kGate:
    case LinearKind::kUp:
      return InputGroup::kFeedForward;
    case LinearKind::kDown:
      return InputGroup::kGated;
  }
  return InputGroup::kAttention;
}

// Whether `kind` is the first of its group: its input stands for the group's.
constexpr bool LeadsItsGroup(LinearKind kind) {
  return kind == LinearKind::kQuery || kind == LinearKind::kOutput || kind == LinearKind::kGate ||
         kind == LinearKind::kDown;
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_STAGES_INPUT_GROUP_H_
