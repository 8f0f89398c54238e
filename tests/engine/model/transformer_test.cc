// What the forward pass promises beyond the right logits: the same bits however it is cut up.
#include <algorithm>
#include <iterator>
#include <random>

#include "engine/kernels/implementation.h"
#include "tests/engine/model/golden_model.h"

namespace halfling::testing {
namespace {

std::string AnyGolden() {
  return GENERATE(from_range(std::begin(kGoldens), std::end(kGoldens)));
}

std::vector<int> RandomTokens(const Transformer& transformer, size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<int> tokens(count);
  for (int& token : tokens) {
    token = static_cast<int>(engine() % static_cast<uint32_t>(transformer.config().vocab_size));
  }
  return tokens;
}

void AppendChain(KvCache& cache, std::span<const int> tokens) {
  for (int token : tokens) cache.Append(token, cache.num_slots() - 1);
}

std::vector<float> Row(const Matrix& matrix, size_t row) {
  return {matrix.row(row).begin(), matrix.row(row).end()};
}

// The hidden state after the last of `tokens`, run at once from an empty cache.
std::vector<float> LastHidden(const Transformer& transformer, std::span<const int> tokens) {
  KvCache cache(transformer.config());
  TransformerScratch scratch;
  AppendChain(cache, tokens);
  transformer.Forward(cache, 0, scratch);
  return Row(scratch.hidden, tokens.size() - 1);
}

TEST_CASE("A prompt run in pieces, or again from a shared prefix, gives the same bits") {
  const std::string name = AnyGolden();
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const std::vector<int> tokens = RandomTokens(transformer, 29, 1);
  std::vector<int> other = RandomTokens(transformer, 25, 2);
  std::copy_n(tokens.begin(), 17, other.begin());  // 17 tokens in common

  KvCache cache(transformer.config());
  TransformerScratch scratch;
  for (size_t begin = 0, size = 1; begin < tokens.size(); begin += size, size = size * 2 + 1) {
    size = std::min(size, tokens.size() - begin);
    const int first = cache.num_slots();
    AppendChain(cache, std::span(tokens).subspan(begin, size));
    transformer.Forward(cache, first, scratch);
  }
  CHECK(Row(scratch.hidden, scratch.hidden.rows() - 1) == LastHidden(transformer, tokens));

  cache.Truncate(17);
  AppendChain(cache, std::span(other).subspan(17));
  transformer.Forward(cache, 17, scratch);
  CHECK(Row(scratch.hidden, scratch.hidden.rows() - 1) == LastHidden(transformer, other));
}

TEST_CASE("The last outputs alone are those of the whole, and so is the cache") {
  const std::string name = AnyGolden();
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const std::vector<int> tokens = RandomTokens(transformer, 23, 5);
  KvCache whole_cache(transformer.config());
  TransformerScratch whole;
  AppendChain(whole_cache, tokens);
  transformer.Forward(whole_cache, 0, whole);
  for (const int num_outputs : {1, 4, 13}) {
    KvCache cache(transformer.config());
    TransformerScratch scratch;
    AppendChain(cache, std::span(tokens).first(10));
    transformer.Forward(cache, 0, 1, scratch);
    AppendChain(cache, std::span(tokens).subspan(10));
    transformer.Forward(cache, 10, num_outputs, scratch);
    REQUIRE(scratch.hidden.rows() == static_cast<size_t>(num_outputs));
    for (size_t i = 0; i < scratch.hidden.rows(); ++i) {
      CHECK(Row(scratch.hidden, i) == Row(whole.hidden, 23 - scratch.hidden.rows() + i));
    }
    for (int layer = 0; layer < transformer.config().num_layers; ++layer) {
      for (int slot = 0; slot < 23; ++slot) {
        CHECK(std::ranges::equal(std::as_const(cache).key(layer, slot),
                                 std::as_const(whole_cache).key(layer, slot)));
        CHECK(std::ranges::equal(std::as_const(cache).value(layer, slot),
                                 std::as_const(whole_cache).value(layer, slot)));
      }
    }
  }
}

TEST_CASE("Any number of threads gives the bits of one") {
  const std::string name = AnyGolden();
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const std::vector<int> tokens = RandomTokens(transformer, 40, 8);
  // A prompt, a piece after it of which some or all are asked for, and a single token.
  const auto run = [&](ThreadPool* threads, std::vector<float>& hidden) {
    KvCache cache(transformer.config());
    TransformerScratch scratch;
    scratch.threads = threads;
    const auto pass = [&](size_t begin, size_t end, int num_outputs) {
      AppendChain(cache, std::span(tokens).subspan(begin, end - begin));
      transformer.Forward(cache, static_cast<int>(begin), num_outputs, scratch);
      const auto values = std::as_const(scratch.hidden).values();
      hidden.insert(hidden.end(), values.begin(), values.end());
    };
    pass(0, 23, 1);
    pass(23, 32, 9);
    pass(32, 39, 5);
    pass(39, 40, 1);
    for (int layer = 0; layer < transformer.config().num_layers; ++layer) {
      for (int slot = 0; slot < cache.num_slots(); ++slot) {
        std::ranges::copy(cache.key(layer, slot), std::back_inserter(hidden));
        std::ranges::copy(cache.value(layer, slot), std::back_inserter(hidden));
      }
    }
  };
  std::vector<float> expected;
  run(nullptr, expected);
  for (const size_t count : {1, 2, 3, 4}) {
    CAPTURE(count);
    ThreadPool threads(count);
    std::vector<float> hidden;
    run(&threads, hidden);
    CHECK(hidden == expected);
  }
}

TEST_CASE("Branches give the bits that each would give as a sequence of its own") {
  const std::string name = AnyGolden();
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const std::vector<int> prompt = RandomTokens(transformer, 11, 3);
  KvCache cache(transformer.config());
  TransformerScratch scratch;
  AppendChain(cache, prompt);
  transformer.Forward(cache, 0, scratch);

  // Four generations of five branches, each hung onto a random one of the generation before.
  std::mt19937 engine(4);
  std::vector<std::vector<int>> sequences = {prompt};
  std::vector<int> slots = {static_cast<int>(prompt.size()) - 1};
  for (int generation = 0; generation < 4; ++generation) {
    const int first = cache.num_slots();
    std::vector<std::vector<int>> next_sequences;
    std::vector<int> next_slots;
    for (int i = 0; i < 5; ++i) {
      const size_t parent = engine() % slots.size();
      const int token =
          static_cast<int>(engine() % static_cast<uint32_t>(transformer.config().vocab_size));
      next_slots.push_back(cache.Append(token, slots[parent]));
      next_sequences.push_back(sequences[parent]);
      next_sequences.back().push_back(token);
    }
    sequences = std::move(next_sequences);
    slots = std::move(next_slots);
    transformer.Forward(cache, first, scratch);
    for (size_t i = 0; i < slots.size(); ++i) {
      CAPTURE(generation, i);
      REQUIRE(Row(scratch.hidden, i) == LastHidden(transformer, sequences[i]));
    }
  }
}

TEST_CASE("A branch may leave the trunk before its end") {
  const Transformer transformer = LoadGolden("mistral-window-bf16");
  const std::vector<int> prompt = RandomTokens(transformer, 15, 5);
  KvCache cache(transformer.config());
  TransformerScratch scratch;
  AppendChain(cache, prompt);
  const int slot = cache.Append(3, 8);
  cache.Append(4, slot);
  transformer.Forward(cache, 0, scratch);
  std::vector<int> sequence(prompt.begin(), prompt.begin() + 9);
  sequence.insert(sequence.end(), {3, 4});
  CHECK(Row(scratch.hidden, 16) == LastHidden(transformer, sequence));
}

TEST_CASE("Every implementation of the kernels gives the same hidden states") {
  const std::string name = AnyGolden();
  CAPTURE(name);
  const Transformer transformer = LoadGolden(name);
  const std::vector<int> tokens = RandomTokens(transformer, 30, 6);
  const std::vector<float> expected = LastHidden(transformer, tokens);
  const std::string before = kernels::ActiveImplementation().name;
  for (const kernels::Implementation* implementation : kernels::AvailableImplementations()) {
    REQUIRE(kernels::UseImplementation(implementation->name));
    CAPTURE(implementation->name);
    CHECK(LastHidden(transformer, tokens) == expected);
  }
  kernels::UseImplementation(before);
}

TEST_CASE("The steps of a layer make the forward pass, and may be put aside in between") {
  const Transformer transformer = LoadGolden("qwen3-bf16");  // model_dim 32, query 48, ffn 44
  const std::vector<int> tokens = {1, 2, 3};
  KvCache whole_cache(transformer.config());
  TransformerScratch whole;
  AppendChain(whole_cache, tokens);
  transformer.Forward(whole_cache, 0, whole);

  KvCache cache(transformer.config());
  AppendChain(cache, tokens);
  Matrix hidden;
  {
    TransformerScratch scratch;
    transformer.Embed(cache, 0, scratch);
    hidden = scratch.hidden;
  }
  std::vector<size_t> widths;
  TransformerScratch scratch;  // between a group's two steps, a new one each time
  for (int layer = 0; layer < transformer.config().num_layers; ++layer) {
    for (const InputGroup group : kInputGroups) {
      scratch.hidden = hidden;
      transformer.PrepareGroup(layer, group, cache, 0, scratch);
      TransformerScratch next;
      next.hidden = scratch.hidden;
      next.input(group) = scratch.input(group);
      widths.push_back(next.input(group).cols());
      scratch = std::move(next);
      transformer.ApplyGroup(layer, group, scratch);
      hidden = scratch.hidden;
    }
  }
  CHECK(widths == std::vector<size_t>{32, 48, 32, 44, 32, 48, 32, 44});
  CHECK(std::ranges::equal(hidden.values(), whole.hidden.values()));
}

TEST_CASE("A layer's linears can be swapped, for low-rank ones of full rank without effect") {
  Transformer transformer = LoadGolden("llama-bias-f32");
  const std::vector<int> tokens = RandomTokens(transformer, 12, 7);
  const std::vector<float> expected = LastHidden(transformer, tokens);
  for (LinearKind kind : kLinearKinds) {
    Linear& linear = transformer.mutable_layer(1).linear(kind);
    const Matrix weight = linear.Unpack();
    // left = W or I, right = I or W: whichever makes the rank the smaller dimension.
    const size_t rank = std::min(weight.rows(), weight.cols());
    Matrix identity(rank, rank);
    for (size_t i = 0; i < rank; ++i) identity.row(i)[i] = 1.0f;
    const std::vector<float> bias(linear.bias().begin(), linear.bias().end());
    linear = weight.rows() == rank ? Linear::LowRank(identity, weight, bias)
                                   : Linear::LowRank(weight, identity, bias);
  }
  CHECK(LastHidden(transformer, tokens) == expected);
}

TEST_CASE("Create refuses weights that contradict the configuration") {
  const Transformer good = LoadGolden("qwen3-bf16");
  const auto error_of = [&](auto spoil) {
    ModelConfig config = good.config();
    ModelWeights weights = good.weights();
    spoil(config, weights);
    const auto result = Transformer::Create(config, std::move(weights));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::kShapeMismatch);
    return result.error().message;
  };
  CHECK_THAT(error_of([](ModelConfig&, ModelWeights& w) { w.layers.pop_back(); }),
             Catch::Matchers::Contains("model.layers"));
  CHECK_THAT(error_of([](ModelConfig&, ModelWeights& w) { w.layers[1].key_norm.clear(); }),
             Catch::Matchers::Contains("model.layers.1.self_attn.k_norm"));
  CHECK_THAT(error_of([](ModelConfig& c, ModelWeights&) { c.ffn_dim += 1; }),
             Catch::Matchers::Contains("mlp.gate_proj"));
  CHECK_THAT(error_of([](ModelConfig& c, ModelWeights&) { c.tied_embeddings = true; }),
             Catch::Matchers::Contains("lm_head"));
  CHECK_THAT(error_of([](ModelConfig& c, ModelWeights&) { c.attention_bias = true; }),
             Catch::Matchers::Contains("self_attn.q_proj.bias"));
  CHECK_THAT(error_of([](ModelConfig&, ModelWeights& w) { w.embedding = Matrix(3, 32); }),
             Catch::Matchers::Contains("model.embed_tokens"));
}

}  // namespace
}  // namespace halfling::testing
