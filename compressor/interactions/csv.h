// Comma-separated values as RFC 4180 has them, read strictly.
#ifndef HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_
#define HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace halfling {

// Of one row: the fields of the columns that were asked for, in that order.
using CsvVisitor = std::function<Status(std::span<const std::string> fields)>;

// Calls `visit` with one row after another. The first line is the header, in any order and with any
// other columns; blank lines are skipped; a byte-order mark and \r\n are accepted. kInvalidRequest
// for a column that is missing, a row of another number of fields than the header, an unclosed
// quote, and text around a quoted field. Every error names `where` and the line, the visitor's too.
Status ReadCsv(std::string_view text, std::span<const std::string_view> columns,
               const std::string& where, const CsvVisitor& visit);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_INTERACTIONS_CSV_H_
