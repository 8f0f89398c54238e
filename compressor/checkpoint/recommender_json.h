// recommender.json: how a checkpoint's tokens spell prompts and items. Written by the training or
// import script, untrusted here.
//
//   { "format": 1,
//     "prompt": { "prefix": [token…], "separator": [token…], "suffix": [token…] },
//     "max_history": 20,
//     "popularity_date"?: "2026-05-01",
//     "items": [ { "id": "B00004", "tokens": [17, 300, 512], "title"?, "category"?, "image"?,
//                  "url"?, "popularity"? }, … ] }
#ifndef HALFLING_COMPRESSOR_CHECKPOINT_RECOMMENDER_JSON_H_
#define HALFLING_COMPRESSOR_CHECKPOINT_RECOMMENDER_JSON_H_

#include <string>
#include <string_view>
#include <vector>

#include "compressor/catalog.h"
#include "engine/model_file/model_file.h"

namespace halfling {

struct RecommenderDescription {
  PromptTemplate prompt;
  std::vector<std::vector<int>> codes;  // [num_items][1 … kMaxCodeLength], tokens of the checkpoint
  Catalog catalog;                      // [num_items]

  std::vector<int> Popularity() const;  // [num_items]
};

// Tokens must be below `vocab_size`. kMalformedJson, kUnsupportedVersion, kInvalidConfig (the
// prompt), kInvalidCatalog, kEmptyCatalog, or kTooLarge for more items or tokens than a model
// directory may have, with document (`where`), field and what was expected.
Result<RecommenderDescription> ParseRecommenderJson(std::string_view json, int vocab_size,
                                                    const std::string& where);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_CHECKPOINT_RECOMMENDER_JSON_H_
