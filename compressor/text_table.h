// Tables and figures for people.
#ifndef HALFLING_COMPRESSOR_TEXT_TABLE_H_
#define HALFLING_COMPRESSOR_TEXT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compressor/evaluation/metrics.h"

namespace halfling {

// A text table: first column flush left, the others right. Rows as long as the header. Control
// characters, which a terminal would obey, are shown as Printable has them.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void AddRow(std::vector<std::string> row);
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// One number by a printf format.
std::string FormatNumber(const char* format, double value);
// "0.1122 [0.1083, 0.1161]"
std::string FormatInterval(const Interval& interval);
// "1,234,567"
std::string FormatCount(int64_t count);
// "-1.1%"
std::string FormatPercent(double share);
// "-1.1% [-6.4%, +4.5%]"; "-" for no change that could be told
std::string FormatChange(const std::optional<Interval>& relative);

// "seen items excluded"
std::string SeenItemsText(bool excluded);
// A line that says that so many targets cannot be found, or nothing. As CountSeenTargets has them,
// with seen items excluded.
std::string SeenTargetsText(size_t seen_targets);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_TEXT_TABLE_H_
