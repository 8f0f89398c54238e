// Who chose what, in order.
#ifndef HALFLING_COMPRESSOR_INTERACTIONS_INTERACTIONS_H_
#define HALFLING_COMPRESSOR_INTERACTIONS_INTERACTIONS_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "compressor/catalog.h"

namespace halfling {

struct UserHistory {
  std::string user;
  std::vector<int> items;  // item indices, oldest first
};

// In ascending order of the user's id as text, whatever the order of the file.
using Interactions = std::vector<UserHistory>;

// Beside a checkpoint's weights, where no other file is named.
inline constexpr char kInteractionsFile[] = "interactions.json";

// By the file's extension: .csv, or JSON. An item that the catalogue lacks is kUnknownItem, naming
// user and item.
Result<Interactions> ReadInteractions(const std::filesystem::path& path, const Catalog& catalog);

// {"user": [item, …]}, oldest first; an item is its id, as text or as an integer.
Result<Interactions> ParseInteractionsJson(std::string_view json, const Catalog& catalog,
                                           const std::string& where);

// Columns user_id, item_id and timestamp (a number) in any order under a header line, more columns
// allowed; RFC 4180 quoting. Rows of equal time keep their order.
Result<Interactions> ParseInteractionsCsv(std::string_view csv, const Catalog& catalog,
                                          const std::string& where);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_INTERACTIONS_INTERACTIONS_H_
