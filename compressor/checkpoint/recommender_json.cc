#include "compressor/checkpoint/recommender_json.h"

#include "engine/model_file/strict_json.h"
#include "engine/recommender.h"
#include "engine/search/item_trie.h"

namespace halfling {
namespace {

constexpr int kRecommenderFormat = 1;

Result<std::vector<int>> ParseTokens(const JsonValue& object, const char* key, size_t max_size,
                                     int vocab_size, const std::string& where, ErrorCode code) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const value, JsonMember(object, key, where));
  return JsonIntegers(*value, 0, vocab_size - 1, max_size, where + "." + key, code);
}

Result<PromptTemplate> ParsePrompt(const JsonValue& document, int vocab_size,
                                   const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const prompt, JsonMember(document, "prompt", where));
  const std::string field = where + ": prompt";
  const auto part = [&](const char* key) {
    return ParseTokens(*prompt, key, kMaxPromptPartTokens, vocab_size, field,
                       ErrorCode::kInvalidConfig);
  };
  PromptTemplate result;
  HALFLING_ASSIGN_OR_RETURN(result.prefix, part("prefix"));
  HALFLING_ASSIGN_OR_RETURN(result.separator, part("separator"));
  HALFLING_ASSIGN_OR_RETURN(result.suffix, part("suffix"));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const max_history,
                            JsonMember(document, "max_history", where));
  HALFLING_ASSIGN_OR_RETURN(
      const int64_t items, JsonInteger(*max_history, 1, kMaxHistoryItems, where + ": max_history"));
  result.max_history = static_cast<int>(items);
  return result;
}

}  // namespace

std::vector<int> RecommenderDescription::Popularity() const {
  std::vector<int> popularity;
  for (const CatalogItem& item : catalog.items()) popularity.push_back(item.popularity);
  return popularity;
}

Result<RecommenderDescription> ParseRecommenderJson(std::string_view json, int vocab_size,
                                                    const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(json, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const format, JsonMember(document, "format", where));
  HALFLING_RETURN_IF_ERROR(JsonInteger(*format, kRecommenderFormat, kRecommenderFormat,
                                       where + ": format", ErrorCode::kUnsupportedVersion));

  RecommenderDescription result;
  HALFLING_ASSIGN_OR_RETURN(result.prompt, ParsePrompt(document, vocab_size, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const member, JsonMember(document, "items", where));
  const JsonValue::Array* const array = member->AsArray();
  if (array == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where + ": items: expected an array");
  }
  if (array->size() > static_cast<size_t>(kMaxCatalogItems)) {
    return Fail(ErrorCode::kTooLarge, where, ": items: ", array->size(), "; expected at most ",
                kMaxCatalogItems);
  }
  std::vector<CatalogItem> items;
  for (const JsonValue& value : *array) {
    const std::string field = where + ": items[" + std::to_string(items.size()) + "]";
    HALFLING_ASSIGN_OR_RETURN(CatalogItem item, ParseCatalogItem(value, field));
    HALFLING_ASSIGN_OR_RETURN(std::vector<int> code,
                              ParseTokens(value, "tokens", kMaxCodeLength, vocab_size, field,
                                          ErrorCode::kInvalidCatalog));
    if (code.empty()) {
      return Fail(ErrorCode::kInvalidCatalog, field + ".tokens: expected at least one token");
    }
    items.push_back(std::move(item));
    result.codes.push_back(std::move(code));
  }
  HALFLING_ASSIGN_OR_RETURN(std::string date, ParsePopularityDate(document, where));
  HALFLING_ASSIGN_OR_RETURN(result.catalog,
                            Catalog::Create(std::move(items), where, std::move(date)));
  return result;
}

}  // namespace halfling
