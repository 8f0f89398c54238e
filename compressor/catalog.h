// The items by what people know them by: ids and titles, in item-index order.
#ifndef HALFLING_COMPRESSOR_CATALOG_H_
#define HALFLING_COMPRESSOR_CATALOG_H_

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/result.h"
#include "engine/model_file/json_value.h"

namespace halfling {

struct CatalogItem {
  std::string id;
  std::optional<std::string> title;
  std::optional<std::string> category;
  std::optional<std::string> image;
  std::optional<std::string> url;
  int popularity = 0;  // events in training
};

// Immutable. Ids are unique and not empty.
class Catalog {
 public:
  // kEmptyCatalog without items, kInvalidCatalog for an empty or repeated id. `where` names the
  // document in messages. `popularity_date`: as of when the items' popularity is, YYYY-MM-DD; empty
  // where that is not known.
  static Result<Catalog> Create(std::vector<CatalogItem> items, std::string_view where,
                                std::string popularity_date = {});

  const std::vector<CatalogItem>& items() const { return items_; }
  const CatalogItem& item(int index) const { return items_[static_cast<size_t>(index)]; }
  int size() const { return static_cast<int>(items_.size()); }
  std::optional<int> IndexOf(const std::string& id) const;
  const std::string& popularity_date() const { return popularity_date_; }

 private:
  std::vector<CatalogItem> items_;
  std::unordered_map<std::string, int> index_of_id_;
  std::string popularity_date_;
};

// kInvalidRequest, naming both directories, unless item numbers mean the same in both catalogues.
Status CheckSameItems(const Catalog& catalog, const std::string& directory, const Catalog& other,
                      const std::string& other_directory);

// The fields id, title?, category?, image?, url?, popularity? of a JSON object; others are left
// alone. `where` names document and item.
Result<CatalogItem> ParseCatalogItem(const JsonValue& value, const std::string& where);

// The field popularity_date of a JSON object, empty where it has none. kInvalidCatalog for anything
// but a date such as 2026-05-01.
Result<std::string> ParsePopularityDate(const JsonValue& document, const std::string& where);

// catalog.json of a model directory: {"format": 1, "popularity_date"?: "2026-05-01",
// "items": [ … ]}.
Result<Catalog> ParseCatalog(std::string_view json, const std::string& where);
std::string CatalogToJson(const Catalog& catalog);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_CATALOG_H_
