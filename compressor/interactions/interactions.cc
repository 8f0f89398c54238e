#include "compressor/interactions/interactions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "compressor/interactions/csv.h"
#include "compressor/io/files.h"
#include "engine/model_file/strict_json.h"

namespace halfling {
namespace {

Result<int> FindItem(const Catalog& catalog, const std::string& id, const std::string& user) {
  const std::optional<int> index = catalog.IndexOf(id);
  if (!index) {
    return Fail(ErrorCode::kUnknownItem, "user ", Quoted(user), ": item ", Quoted(id),
                " is not in the catalogue");
  }
  return *index;
}

// An item's id as the document spells it: a text or an integer.
std::optional<std::string> ItemId(const JsonValue& value) {
  if (const std::string* text = value.AsString()) return *text;
  if (const int64_t* integer = value.AsInteger()) return Concat(*integer);
  if (const uint64_t* integer = value.AsHugeInteger()) return Concat(*integer);
  return std::nullopt;
}

struct Event {
  double timestamp;
  int item;
};

Result<double> ParseTimestamp(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return Fail(ErrorCode::kInvalidRequest, "timestamp ", Quoted(text), ", expected a number");
  }
  return value;
}

}  // namespace

Result<Interactions> ReadInteractions(const std::filesystem::path& path, const Catalog& catalog) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Fail(ErrorCode::kIo, path.string() + ": no such file; name one with --interactions");
  }
  HALFLING_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  return path.extension() == ".csv" ? ParseInteractionsCsv(text, catalog, path.string())
                                    : ParseInteractionsJson(text, catalog, path.string());
}

Result<Interactions> ParseInteractionsJson(std::string_view json, const Catalog& catalog,
                                           const std::string& where) {
  HALFLING_ASSIGN_OR_RETURN(const JsonValue document, ParseStrictJson(json, where));
  const JsonValue::Object* const users = document.AsObject();
  if (users == nullptr) {
    return Fail(ErrorCode::kMalformedJson, where + ": expected an object of user to items");
  }
  Interactions interactions;
  for (const auto& [user, value] : *users) {
    const JsonValue::Array* const items = value.AsArray();
    if (items == nullptr) {
      return Fail(ErrorCode::kMalformedJson,
                  where + ": user " + Quoted(user) + ": expected an array of item ids");
    }
    UserHistory history{user, {}};
    for (const JsonValue& item_id : *items) {
      const std::optional<std::string> id = ItemId(item_id);
      if (!id) {
        return Fail(ErrorCode::kMalformedJson,
                    where + ": user " + Quoted(user) + ": expected item ids as texts or integers");
      }
      HALFLING_ASSIGN_OR_RETURN(const int item,
                                FindItem(catalog, *id, user).map_error([&where](Error error) {
                                  return Error{error.code, where + ": " + error.message};
                                }));
      history.items.push_back(item);
    }
    interactions.push_back(std::move(history));
  }
  return interactions;
}

Result<Interactions> ParseInteractionsCsv(std::string_view csv, const Catalog& catalog,
                                          const std::string& where) {
  std::map<std::string, std::vector<Event>> events_of_user;
  constexpr std::array<std::string_view, 3> kColumns = {"user_id", "item_id", "timestamp"};
  HALFLING_RETURN_IF_ERROR(
      ReadCsv(csv, kColumns, where, [&](std::span<const std::string> fields) -> Status {
        const std::string& user = fields[0];
        HALFLING_ASSIGN_OR_RETURN(const int item, FindItem(catalog, fields[1], user));
        HALFLING_ASSIGN_OR_RETURN(const double time, ParseTimestamp(fields[2]));
        events_of_user[user].push_back({time, item});
        return {};
      }));

  Interactions interactions;
  for (auto& [user, events] : events_of_user) {
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.timestamp < b.timestamp; });
    UserHistory history{user, {}};
    for (const Event& event : events) history.items.push_back(event.item);
    interactions.push_back(std::move(history));
  }
  return interactions;
}

}  // namespace halfling
