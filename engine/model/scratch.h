// The scratch state of a forward pass.
#ifndef HALFLING_ENGINE_MODEL_SCRATCH_H_
#define HALFLING_ENGINE_MODEL_SCRATCH_H_

#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/layers/linear.h"
#include "engine/model/weights.h"
#include "engine/tensor/tensor.h"

namespace halfling {

// Buffers of a forward pass. One per thread that calls Forward; grows to the largest batch it has
// seen.
struct TransformerScratch {
  Matrix hidden;     // [tokens, model_dim]: the residual stream; the result of Forward
  Matrix normed;     // [tokens, model_dim]
  Matrix query;      // [tokens, num_heads * head_dim]
  Matrix key;        // [tokens, num_kv_heads * head_dim]
  Matrix value;      // [tokens, num_kv_heads * head_dim]
  Matrix attended;   // [tokens, num_heads * head_dim]
  Matrix gate;       // [tokens, ffn_dim]
  Matrix up;         // [tokens, ffn_dim]
  Matrix projected;  // [tokens, model_dim]
  LinearScratch linear;
  std::vector<float> scores;
  std::vector<int> branch;

  ThreadPool* threads = nullptr;           // that share the pass, if there are any
  std::vector<TransformerScratch> shares;  // one for each of them

  // What the group's linears read: `normed`, `attended`, `normed` or `gate`.
  Matrix& input(InputGroup group);
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_MODEL_SCRATCH_H_
