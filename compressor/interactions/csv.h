// Comma-separated values as RFC 4180 has them, read strictly.
#ifndef HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_
#define HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

struct CsvRow {
  size_t line = 0;                  // where the row begins, from 1
  std::vector<std::string> fields;  // as many as the header has
};

struct CsvTable {
  std::vector<std::string> header;
  std::vector<CsvRow> rows;

  // The index of the column `name`: kInvalidRequest, listing what there is, when it is missing.
  Result<size_t> Column(std::string_view name, const std::string& where) const;
};

// The first line is the header; blank lines are skipped; a byte-order mark and \r\n are accepted.
// kInvalidRequest for a row of another number of fields than the header, for an unclosed quote, and
// for text around a quoted field.
Result<CsvTable> ParseCsv(std::string_view text, const std::string& where);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_
