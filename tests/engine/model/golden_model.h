// The models of tests/golden/, ready to run.
#ifndef HALFLING_TESTS_ENGINE_MODEL_GOLDEN_MODEL_H_
#define HALFLING_TESTS_ENGINE_MODEL_GOLDEN_MODEL_H_

#include <string>
#include <utility>

#include "engine/model/transformer.h"
#include "tests/catch.h"
#include "tests/test_data.h"

namespace halfling::testing {

// Folders that scripts/make_golden.py makes.
inline constexpr const char* kGoldens[] = {
    "llama-tied-bf16",    "llama-bias-f32", "llama-llama3-rope-f16", "llama-linear-rope-f32",
    "llama-sharded-bf16", "mistral-f16",    "mistral-window-bf16",   "qwen2-bf16",
    "qwen2-window-f16",   "qwen3-bf16",     "qwen3-bias-f32",
};

inline Transformer LoadGolden(const std::string& name) {
  const std::string folder = "golden/" + name;
  const auto config = ParseModelConfig(ReadTestData(folder + "/config.json"), "config.json");
  if (!config) FAIL(config.error().message);
  const TestCheckpoint checkpoint(folder);
  auto weights = LoadWeights(*config, checkpoint);
  if (!weights) FAIL(weights.error().message);
  auto transformer = Transformer::Create(*config, *std::move(weights));
  if (!transformer) FAIL(transformer.error().message);
  return *std::move(transformer);
}

}  // namespace halfling::testing

#endif  // HALFLING_TESTS_ENGINE_MODEL_GOLDEN_MODEL_H_
