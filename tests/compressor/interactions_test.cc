#include "compressor/interactions/interactions.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "compressor/interactions/csv.h"
#include "compressor/interactions/leave_one_out.h"
#include "compressor/stages/calibration_sequences.h"
#include "tests/catch.h"

namespace halfling {
namespace {

Catalog MakeCatalog() {
  std::vector<CatalogItem> items;
  for (const char* id : {"a", "b", "c", "7", "x,y"}) {
    items.emplace_back().id = id;
  }
  return *Catalog::Create(std::move(items), "test");
}

void ExpectJsonError(ErrorCode code, const std::string& json,
                     const std::vector<std::string>& mentioned) {
  const auto parsed = ParseInteractionsJson(json, MakeCatalog(), "log.json");
  REQUIRE_FALSE(parsed.has_value());
  INFO(parsed.error().message);
  CHECK(ErrorCodeName(parsed.error().code) == ErrorCodeName(code));
  for (const std::string& text : mentioned) {
    CHECK(parsed.error().message.find(text) != std::string::npos);
  }
}

void ExpectCsvError(ErrorCode code, const std::string& csv,
                    const std::vector<std::string>& mentioned) {
  const auto parsed = ParseInteractionsCsv(csv, MakeCatalog(), "log.csv");
  REQUIRE_FALSE(parsed.has_value());
  INFO(parsed.error().message);
  CHECK(ErrorCodeName(parsed.error().code) == ErrorCodeName(code));
  for (const std::string& text : mentioned) {
    CHECK(parsed.error().message.find(text) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("interactions come as JSON, item ids as texts or integers") {
  const auto parsed = ParseInteractionsJson(R"({"u2": ["c", 7], "u1": ["a"], "u3": []})",
                                            MakeCatalog(), "log.json");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->size() == 3);
  CHECK((*parsed)[0].user == "u1");
  CHECK((*parsed)[0].items == std::vector<int>{0});
  CHECK((*parsed)[1].items == std::vector<int>{2, 3});
  CHECK((*parsed)[2].items.empty());
}

TEST_CASE("broken JSON interactions are refused") {
  ExpectJsonError(ErrorCode::kUnknownItem, R"({"anna": ["a", "zzz"]})",
                  {"anna", "zzz", "log.json"});
  ExpectJsonError(ErrorCode::kUnknownItem, R"({"anna": [8]})", {"anna", "8"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"({"anna": "a"})", {"anna"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"({"anna": [["a"]]})", {"anna"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"({"anna": [7.5]})", {"anna"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"([["a"]])", {"log.json"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"({"anna": ["a"], "anna": ["b"]})", {"anna"});
  ExpectJsonError(ErrorCode::kMalformedJson, R"({"anna": ["a")", {"log.json"});
}

TEST_CASE("interactions come as CSV, sorted by time, ties in the file's order") {
  const std::string csv =
      "\xEF\xBB\xBFtimestamp,rating,item_id,user_id\r\n"
      "30,5,a,\"the \"\"first\"\"\"\r\n"
      "10.5,5,b,u2\r\n"
      "\r\n"
      "20,1,\"x,y\",\"the \"\"first\"\"\"\r\n"
      "20,1,c,\"the \"\"first\"\"\"";
  const auto parsed = ParseInteractionsCsv(csv, MakeCatalog(), "log.csv");
  REQUIRE(parsed.has_value());
  REQUIRE(parsed->size() == 2);
  CHECK((*parsed)[0].user == "the \"first\"");
  CHECK((*parsed)[0].items == std::vector<int>{4, 2, 0});
  CHECK((*parsed)[1].items == std::vector<int>{1});
}

TEST_CASE("broken CSV interactions are refused with their line") {
  const std::string header = "user_id,item_id,timestamp\n";
  using enum ErrorCode;
  ExpectCsvError(kUnknownItem, header + "u,a,1\nanna,zzz,2\n", {"anna", "zzz", "line 3"});
  ExpectCsvError(kInvalidRequest, "user,item_id,timestamp\nu,a,1\n", {"user_id"});
  ExpectCsvError(kInvalidRequest, header + "u,a\n", {"line 2", "2 fields"});
  ExpectCsvError(kInvalidRequest, header + "u,a,1,9\n", {"line 2"});
  ExpectCsvError(kInvalidRequest, header + "u,a,noon\n", {"line 2", "noon"});
  ExpectCsvError(kInvalidRequest, header + "u,a,1x\n", {"timestamp"});
  ExpectCsvError(kInvalidRequest, header + "u,a,inf\n", {"timestamp"});
  ExpectCsvError(kInvalidRequest, header + "u,a,\n", {"timestamp"});
  ExpectCsvError(kInvalidRequest, header + "\"u,a,1\n", {"never ends"});
  ExpectCsvError(kInvalidRequest, header + "\"u\"u,a,1\n", {"line 2"});
  ExpectCsvError(kInvalidRequest, header + "u\"u,a,1\n", {"line 2"});
  ExpectCsvError(kInvalidRequest, "", {"user_id"});
}

TEST_CASE("the last item is the test target, the one before it the validation target") {
  const Interactions interactions = {{"long", {0, 1, 2, 3, 4}}, {"short", {2, 1}}, {"one", {3}}};
  const auto test = LeaveOneOut(interactions, Split::kTest);
  REQUIRE(test.size() == 2);
  CHECK(test[0].target == 4);
  CHECK(test[0].history == std::vector<int>{0, 1, 2, 3});
  CHECK(test[1].target == 1);

  const auto validation = LeaveOneOut(interactions, Split::kValidation);
  REQUIRE(validation.size() == 1);
  CHECK(validation[0].target == 3);
  CHECK(validation[0].history == std::vector<int>{0, 1, 2});

  const auto training = LeaveOneOut(interactions, Split::kTraining);
  REQUIRE(training.size() == 1);
  CHECK(training[0].target == 2);
  CHECK(training[0].history == std::vector<int>{0, 1});
}

TEST_CASE("examples are drawn without replacement, in order, by their seed") {
  std::vector<Example> examples(100);
  for (int i = 0; i < 100; ++i) examples[static_cast<size_t>(i)] = {{0}, i};
  const auto targets = [&examples](size_t count, uint64_t seed) {
    std::vector<int> drawn;
    for (const Example& example : DrawExamples(examples, count, seed)) {
      drawn.push_back(example.target);
    }
    return drawn;
  };
  const std::vector<int> first = targets(20, 1);
  CHECK(first.size() == 20);
  CHECK(std::set<int>(first.begin(), first.end()).size() == 20);
  CHECK(std::is_sorted(first.begin(), first.end()));
  CHECK(first == targets(20, 1));
  CHECK(first != targets(20, 2));
  CHECK(targets(100, 1).size() == 100);
  CHECK(targets(1000, 1).size() == 100);
  CHECK(targets(0, 1).empty());

  // Each example is as likely as any other.
  std::vector<int> counts(100);
  for (uint64_t seed = 0; seed < 500; ++seed) {
    for (const int target : targets(20, seed)) ++counts[static_cast<size_t>(target)];
  }
  CHECK(*std::min_element(counts.begin(), counts.end()) > 60);
  CHECK(*std::max_element(counts.begin(), counts.end()) < 140);
}

TEST_CASE("a calibration sequence is the prompt and the target's code but its last token") {
  const PromptTemplate prompt = {{0, 1}, {2}, {3}, 2};
  const std::vector<std::vector<int>> codes = {{10, 11}, {12}, {13, 14, 15}};
  const CalibrationSet set = MakeCalibrationSet({{{1, 0, 1}, 2}, {{2}, 1}}, prompt, codes);
  const std::vector<TokenSequence>& sequences = set.sequences;
  CHECK(set.targets == std::vector<int>{2, 1});
  CHECK(set.First(1).targets == std::vector<int>{2});
  CHECK(set.First(1).sequences.size() == 1);
  REQUIRE(sequences.size() == 2);
  // Only the last two items of the history count.
  CHECK(sequences[0] == TokenSequence{0, 1, 10, 11, 2, 12, 3, 13, 14});
  CHECK(sequences[1] == TokenSequence{0, 1, 13, 14, 15, 3});
}

}  // namespace halfling
