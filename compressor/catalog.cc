#include "compressor/catalog.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "compressor/io/json_text.h"
#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

constexpr int kCatalogFormat = 1;

struct OptionalText {
  const char* name;
  std::optional<std::string> CatalogItem::*member;
};
constexpr OptionalText kTextFields[] = {{"title", &CatalogItem::title},
                                        {"category", &CatalogItem::category},
                                        {"image", &CatalogItem::image},
                                        {"url", &CatalogItem::url}};

// 2026-05-01. That a month has as many days is not checked.
bool IsDate(std::string_view text) {
  constexpr std::string_view kDigits = "0000-00-00";
  if (text.size() != kDigits.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kDigits[i] == '0' ? !is_digit : text[i] != '-') return false;
  }
  const std::string_view month = text.substr(5, 2);
  const std::string_view day = text.substr(8);
  return month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

}  // namespace

Result<Catalog> Catalog::Create(std::vector<CatalogItem> items, std::string_view where,
                                std::string popularity_date) {
  if (items.empty()) {
    return Fail(ErrorCode::kEmptyCatalog,
                std::string(where) + ": items: expected at least one item");
  }
  Catalog catalog;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string& id = items[i].id;
    const std::string field = std::string(where) + ": items[" + std::to_string(i) + "].id";
    if (id.empty()) return Fail(ErrorCode::kInvalidCatalog, field + ": expected a text, is empty");
    if (!catalog.index_of_id_.emplace(id, static_cast<int>(i)).second) {
      return Fail(ErrorCode::kInvalidCatalog,
                  field + ": " + Quoted(id) + " is an earlier item's id too");
    }
  }
  catalog.items_ = std::move(items);
  catalog.popularity_date_ = std::move(popularity_date);
  return catalog;
}

std::optional<int> Catalog::IndexOf(const std::string& id) const {
  const auto found = index_of_id_.find(id);
  if (found == index_of_id_.end()) return std::nullopt;
  return found->second;
}

Status CheckSameItems(const Catalog& catalog, const std::string& directory, const Catalog& other,
                      const std::string& other_directory) {
  if (std::ranges::equal(catalog.items(), other.items(), {}, &CatalogItem::id, &CatalogItem::id)) {
    return {};
  }
  return Fail(ErrorCode::kInvalidRequest,
              other_directory + ": expected the items of " + directory + ", in the same order");
}

Result<CatalogItem> ParseCatalogItem(const JsonValue& value, const std::string& where) {
  CatalogItem item;
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const id, JsonMember(value, "id", where));
  if (id->AsString() == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where, ".id: expected a text");
  }
  item.id = *id->AsString();
  for (const OptionalText& field : kTextFields) {
    const JsonValue* const found = value.Find(field.name);
    if (found == nullptr || found->IsNull()) continue;
    if (found->AsString() == nullptr) {
      return Fail(ErrorCode::kMalformedJson, where, ".", field.name, ": expected a text");
    }
    item.*field.member = *found->AsString();
  }
  if (const JsonValue* const found = value.Find("popularity");
      found != nullptr && !found->IsNull()) {
    HALFLING_ASSIGN_OR_RETURN(const int64_t popularity,
                              JsonInteger(*found, 0, std::numeric_limits<int>::max(),
                                          where + ".popularity", ErrorCode::kInvalidCatalog));
    item.popularity = static_cast<int>(popularity);
  }
  return item;
}

Result<std::string> ParsePopularityDate(const JsonValue& document, const std::string& where) {
  const JsonValue* const found = document.Find("popularity_date");
  if (found == nullptr || found->IsNull()) return std::string();
  if (found->AsString() == nullptr || !IsDate(*found->AsString())) {
    return Fail(ErrorCode::kInvalidCatalog,
                where + ": popularity_date: expected a date such as 2026-05-01");
  }
  return *found->AsString();
}

Result<Catalog> ParseCatalog(std::string_view json, const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(json, where));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const format, JsonMember(document, "format", where));
  HALFLING_RETURN_IF_ERROR(JsonInteger(*format, kCatalogFormat, kCatalogFormat, where + ": format",
                                       ErrorCode::kUnsupportedVersion));
  HALFLING_ASSIGN_OR_RETURN(const JsonValue* const member, JsonMember(document, "items", where));
  const JsonValue::Array* const array = member->AsArray();
  if (array == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where + ": items: expected an array");
  }
  std::vector<CatalogItem> items;
  for (const JsonValue& value : *array) {
    HALFLING_ASSIGN_OR_RETURN(
        CatalogItem item,
        ParseCatalogItem(value, where + ": items[" + std::to_string(items.size()) + "]"));
    items.push_back(std::move(item));
  }
  HALFLING_ASSIGN_OR_RETURN(std::string date, ParsePopularityDate(document, where));
  return Catalog::Create(std::move(items), where, std::move(date));
}

std::string CatalogToJson(const Catalog& catalog) {
  nlohmann::ordered_json items = nlohmann::ordered_json::array();
  for (const CatalogItem& item : catalog.items()) {
    nlohmann::ordered_json entry = {{"id", item.id}};
    for (const OptionalText& field : kTextFields) {
      if (item.*field.member) entry[field.name] = *(item.*field.member);
    }
    entry["popularity"] = item.popularity;
    items.push_back(std::move(entry));
  }
  nlohmann::ordered_json document = {{"format", kCatalogFormat}};
  if (!catalog.popularity_date().empty()) document["popularity_date"] = catalog.popularity_date();
  document["items"] = std::move(items);
  return JsonText(document);
}

}  // namespace halfling
