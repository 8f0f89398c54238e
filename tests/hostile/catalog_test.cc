// Catalogues and shards that cannot be, and requests out of range.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/hostile/hostile.h"

namespace halfling::testing {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

TEST_CASE("Catalogues that cannot be") {
  const ModelFileContents valid = TinyModelContents({});
  const auto refused = [&](auto change, ErrorCode code, const std::string& what) {
    ModelFileContents contents = valid;
    change(contents);
    RequireError(LoadContents(contents), code, what);
  };
  using Contents = ModelFileContents;
  refused([](Contents& c) { c.codes.clear(), c.popularity.clear(); }, ErrorCode::kEmptyCatalog,
          "catalog.codes");
  for (const int token : {16, -2, 2147483647, INT32_MIN}) {
    refused(
        [&](Contents& c) {
          c.codes[7] = {5, token};
        },
        ErrorCode::kInvalidCatalog, "catalog.codes[7][1]");
  }
  refused([](Contents& c) { c.codes[7] = {}; }, ErrorCode::kInvalidCatalog, "catalog.codes[7]");
  refused(
      [](Contents& c) {
        c.codes[7] = {5, -1, 6};
      },
      ErrorCode::kInvalidCatalog, "catalog.codes[7][2]");
  refused([](Contents& c) { c.codes[7] = {5, 5, 5, 5, 5, 5, 5, 5, 5}; }, ErrorCode::kInvalidCatalog,
          "catalog.codes");
  refused([](Contents& c) { c.popularity.pop_back(); }, ErrorCode::kInvalidCatalog,
          "catalog.popularity");
  refused([](Contents& c) { c.popularity.push_back(1); }, ErrorCode::kInvalidCatalog,
          "catalog.popularity");
  refused([](Contents& c) { c.popularity[3] = -1; }, ErrorCode::kInvalidCatalog,
          "catalog.popularity[3]");
  refused([](Contents& c) { std::swap(c.vocabulary_ids[2], c.vocabulary_ids[3]); },
          ErrorCode::kInvalidCatalog, "vocabulary.ids[3]");
  refused([](Contents& c) { c.vocabulary_ids[2] = c.vocabulary_ids[1]; },
          ErrorCode::kInvalidCatalog, "vocabulary.ids[2]");
  refused([](Contents& c) { c.vocabulary_ids[0] = -1; }, ErrorCode::kInvalidCatalog,
          "vocabulary.ids[0]");
  refused([](Contents& c) { c.vocabulary_ids.push_back(1000); }, ErrorCode::kShapeMismatch,
          "vocabulary.ids");
  refused([](Contents& c) { c.vocabulary_ids.resize(5); }, ErrorCode::kInvalidCatalog,
          "catalog.codes");
}

TEST_CASE("Catalogue tensors missing, of another dtype or rank") {
  for (const char* name : {"catalog.codes", "catalog.popularity", "vocabulary.ids"}) {
    CAPTURE(name);
    const auto edited = [&](auto change) {
      return Recommender::Load(
          WithEditedHeader([&](Json& header) { change(header, header[name]); }));
    };
    RequireError(edited([&](Json& header, Json& entry) {
                   header["renamed"] = Json(entry);
                   header.erase(name);
                 }),
                 ErrorCode::kMissingTensor, name);
    RequireError(edited([](Json&, Json& entry) { entry["dtype"] = "F16"; }),
                 ErrorCode::kUnsupportedDType, name);
    RequireError(edited([](Json&, Json& entry) { entry["dtype"] = "U16"; }),
                 ErrorCode::kUnsupportedDType, name);
    RequireError(edited([](Json&, Json& entry) { entry["shape"].push_back(1); }),
                 ErrorCode::kShapeMismatch, name);
  }
}

TEST_CASE("Shards missing, twice, misnamed, or sharing a tensor; their order does not matter") {
  const std::vector<FileBytes> valid = InTwoShards();
  REQUIRE(Recommender::Load(valid));
  REQUIRE(Recommender::Load({valid[1], valid[0]}));

  RequireError(Recommender::Load({}), ErrorCode::kTruncatedFile, "no shards");
  RequireError(Recommender::Load({valid[0]}), ErrorCode::kTruncatedFile,
               "model-00002-of-00002.safetensors");
  RequireError(Recommender::Load({valid[1]}), ErrorCode::kTruncatedFile,
               "model-00001-of-00002.safetensors");
  RequireError(Recommender::Load({valid[0], valid[1], valid[1]}), ErrorCode::kDuplicateTensor,
               "model-00002-of-00002.safetensors");
  for (const char* name :
       {"", "model.safetensors", "model-00003-of-00002.safetensors",
        "model-00000-of-00002.safetensors", "model-1-of-2.safetensors",
        "../model-00002-of-00002.safetensors", "model-+0002-of-00002.safetensors",
        "model-00002-of-00002.safetensors.exe"}) {
    RequireError(Recommender::Load({valid[0], {name, valid[1].bytes}}), ErrorCode::kMalformedHeader,
                 name);
  }
  const char* many = "model-00002-of-99999.safetensors";
  RequireError(Recommender::Load({valid[0], {many, valid[1].bytes}}), ErrorCode::kTooLarge, many);
  RequireError(Recommender::Load({valid[0], {ShardName(2, 3), valid[1].bytes}}),
               ErrorCode::kMalformedHeader, "model-00002-of-00003");
  RequireError(Recommender::Load({valid[0], {ShardName(2, 2), valid[0].bytes}}),
               ErrorCode::kDuplicateTensor, "catalog.codes");
  // The two exchanged: the first has no metadata.
  RequireError(
      Recommender::Load({{valid[1].name, valid[0].bytes}, {valid[0].name, valid[1].bytes}}),
      ErrorCode::kUnsupportedVersion, "format");
}

TEST_CASE("Requests out of range are refused, and the session goes on") {
  auto recommender = Recommender::Load(TinyModelShards({}));
  REQUIRE(recommender);
  RecommendRequest valid;
  valid.history = {1, 2};
  const auto expected = recommender->Recommend(valid);
  REQUIRE(expected);
  const auto refused = [&](auto change, ErrorCode code, const std::string& what) {
    RecommendRequest request = valid;
    change(request);
    RequireError(recommender->Recommend(request), code, what);
    const auto again = recommender->Recommend(valid);
    REQUIRE(again);
    REQUIRE(again->size() == expected->size());
    for (size_t i = 0; i < again->size(); ++i) {
      REQUIRE((*again)[i].item == (*expected)[i].item);
      REQUIRE((*again)[i].score == (*expected)[i].score);
    }
  };
  using Request = RecommendRequest;
  refused([](Request& r) { r.history.clear(); }, ErrorCode::kEmptyHistory, "history");
  refused([](Request& r) { r.history.assign(10'001, 1); }, ErrorCode::kHistoryTooLong, "10001");
  for (const int item : {-1, 30, 2147483647, INT32_MIN}) {
    const std::string number = std::to_string(item);
    refused(
        [&](Request& r) {
          r.history = {1, item};
        },
        ErrorCode::kUnknownItem, "history[1]: item " + number);
    refused([&](Request& r) { r.exclude = {item}; }, ErrorCode::kUnknownItem,
            "exclude[0]: item " + number);
    refused(
        [&](Request& r) {
          r.allow = {2, 3, item};
        },
        ErrorCode::kUnknownItem, "allow[2]: item " + number);
  }
  for (const int width : {0, -1, 1'001, 2147483647, INT32_MIN}) {
    refused([&](Request& r) { r.limit = width; }, ErrorCode::kInvalidRequest, "limit");
    refused([&](Request& r) { r.beam_width = width; }, ErrorCode::kInvalidRequest, "beam_width");
  }
  RequireError(recommender->ScoreItems({}, {1}), ErrorCode::kEmptyHistory, "history");
  RequireError(recommender->ScoreItems({30}, {1}), ErrorCode::kUnknownItem, "30");

  Request longest = valid;
  longest.history.assign(10'000, 1);
  longest.limit = 1'000;
  longest.beam_width = 1'000;
  const auto most = recommender->Recommend(longest);
  REQUIRE(most);
  CHECK(most->size() == 29);
}

}  // namespace halfling::testing
