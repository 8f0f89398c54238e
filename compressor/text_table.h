// Tables and figures for people.
#ifndef HALFLING_COMPRESSOR_TEXT_TABLE_H_
#define HALFLING_COMPRESSOR_TEXT_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "compressor/evaluation/metrics.h"

namespace halfling {

// A text table: first column flush left, the others right. Rows as long as the header.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
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
// "-1.1% [-6.4%, +4.5%]"
std::string FormatChange(const Interval& relative);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_TEXT_TABLE_H_
