#include "compressor/text_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "engine/base/text.h"

namespace halfling {
namespace {

// Columns as wide as they look: bytes that continue a UTF-8 character take no room.
size_t DisplayWidth(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

void TextTable::AddRow(std::vector<std::string> row) {
  for (std::string& cell : row) cell = Printable(cell);
  rows_.push_back(std::move(row));
}

std::string TextTable::ToString() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - DisplayWidth(row[i]), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string FormatNumber(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string FormatInterval(const Interval& interval) {
  return FormatNumber("%.4f", interval.mean) + " [" + FormatNumber("%.4f", interval.low) + ", " +
         FormatNumber("%.4f", interval.high) + "]";
}

std::string FormatCount(int64_t count) {
  std::string digits = std::to_string(count);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<size_t>(i), 1, ',');
  }
  return digits;
}

std::string FormatPercent(double share) { return FormatNumber("%+.1f%%", 100 * share); }

std::string FormatChange(const std::optional<Interval>& relative) {
  if (!relative) return "-";
  return FormatPercent(relative->mean) + " [" + FormatPercent(relative->low) + ", " +
         FormatPercent(relative->high) + "]";
}

std::string SeenItemsText(bool excluded) {
  return std::string("seen items ") + (excluded ? "excluded" : "allowed");
}

std::string SeenTargetsText(size_t seen_targets) {
  if (seen_targets == 0) return "";
  return FormatCount(static_cast<int64_t>(seen_targets)) +
         " of the targets had been chosen before: no list can hold them without --allow-seen\n";
}

}  // namespace halfling
