#include "engine/model/scratch.h"

namespace halfling {

Matrix& TransformerScratch::input(InputGroup group) {
  switch (group) {
    case InputGroup::kAttended:
      return attended;
    case InputGroup::kGated:
      return gate;
    case InputGroup::kAttention:
    case InputGroup::kFeedForward:
      break;
  }
  return normed;
}

}  // namespace halfling
