// The tiny random model as a transformer alone.
#ifndef HALFLING_TESTS_COMPRESSOR_TINY_TRANSFORMER_H_
#define HALFLING_TESTS_COMPRESSOR_TINY_TRANSFORMER_H_

#include "engine/model/transformer.h"
#include "tests/engine/tiny_model.h"

namespace halfling::testing {

// With the default options: the prompt's four tokens and the twelve of the codes.
inline constexpr int kVocabSize = 16;

Transformer MakeTransformer(const TinyModelOptions& options = {});

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_COMPRESSOR_TINY_TRANSFORMER_H_
