#include "compressor/evaluation/perplexity.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/engine/tiny_model.h"

namespace halfling {
namespace {

constexpr int kItems = 30;
constexpr int kMaxHistory = 6;

Recommender MakeModel(bool ends_as_in_its_midst) {
  testing::TinyModelOptions options;
  options.max_history = kMaxHistory;
  ModelFileContents contents = testing::TinyModelContents(options);
  contents.prompt.separator = {2, 3};
  contents.prompt.suffix = ends_as_in_its_midst ? contents.prompt.separator : std::vector<int>{1};
  auto recommender = Recommender::Load(WriteModelFile(contents));
  if (!recommender) FAIL(recommender.error().message);
  return *std::move(recommender);
}

std::vector<std::vector<int>> RandomSequences() {
  testing::Random random(5);
  std::vector<std::vector<int>> sequences = {{3}, {}, {1, 2}};
  for (int i = 0; i < 6; ++i) {
    std::vector<int> sequence(static_cast<size_t>(2 + 3 * i));
    for (int& item : sequence) item = random.Below(kItems);
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

TEST_CASE("Perplexity is what scoring each item after its own history gives") {
  Recommender model = MakeModel(true);
  const std::vector<std::vector<int>> sequences = RandomSequences();
  double nats = 0;
  size_t items = 0;
  for (const std::vector<int>& sequence : sequences) {
    for (size_t i = 1; i < sequence.size(); ++i) {
      const size_t first = (i - 1) / kMaxHistory * kMaxHistory;  // of the item's piece
      const auto begin = sequence.begin();
      const std::vector<int> history(begin + static_cast<std::ptrdiff_t>(first),
                                     begin + static_cast<std::ptrdiff_t>(i));
      nats -= static_cast<double>(model.ScoreItems(history, {sequence[i]}).value().front());
      ++items;
    }
  }
  for (const int threads : {1, 3}) {
    Progress progress(false);
    const auto measured = MeasurePerplexity(model, sequences, threads, progress);
    REQUIRE(measured.has_value());
    CHECK(measured->items == items);
    CHECK(std::abs(measured->nats - nats / static_cast<double>(items)) < 1e-5);
    CHECK(measured->value() == std::exp(measured->nats));
  }
}

TEST_CASE("Perplexity needs a prompt that ends like its midst, and two items") {
  Progress progress(false);
  const auto other = MeasurePerplexity(MakeModel(false), RandomSequences(), 1, progress);
  REQUIRE(!other.has_value());
  CHECK(other.error().code == ErrorCode::kInvalidRequest);
  CHECK(other.error().message.find("prompt.suffix") != std::string::npos);
  const auto none = MeasurePerplexity(MakeModel(true), {{1}, {}}, 1, progress);
  REQUIRE(!none.has_value());
  CHECK(none.error().code == ErrorCode::kInvalidRequest);
}

}  // namespace
}  // namespace halfling
