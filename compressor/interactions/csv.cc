#include "compressor/interactions/csv.h"

#include <algorithm>

#include "engine/base/text.h"

namespace halfling {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Walks the text once; knows the line for messages.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  bool AtEnd() const { return position_ >= text_.size(); }
  size_t line() const { return line_; }

  // The fields up to the end of the row; a blank line is one empty field.
  Result<std::vector<std::string>> ReadRow() {
    std::vector<std::string> fields;
    for (;;) {
      HALFLING_ASSIGN_OR_RETURN(std::string field, ReadField());
      fields.push_back(std::move(field));
      if (AtEnd()) return fields;
      if (text_[position_] == ',') {
        ++position_;
        continue;
      }
      if (text_.substr(position_).starts_with("\r\n")) ++position_;
      if (text_[position_] != '\n') return Broken("expected a comma or the end of the line");
      ++position_;
      ++line_;
      return fields;
    }
  }

 private:
  Result<std::string> ReadField() {
    if (!AtEnd() && text_[position_] == '"') return ReadQuoted();
    const size_t end = std::min(text_.find_first_of(",\r\n\"", position_), text_.size());
    std::string field(text_.substr(position_, end - position_));
    position_ = end;
    if (!AtEnd() && text_[position_] == '"') return Broken("a quote inside an unquoted field");
    return field;
  }

  Result<std::string> ReadQuoted() {
    std::string field;
    for (++position_; !AtEnd(); ++position_) {
      if (text_[position_] == '"') {
        ++position_;
        if (AtEnd() || text_[position_] != '"') return field;
      }
      if (text_[position_] == '\n') ++line_;
      field += text_[position_];
    }
    return Broken("a quoted field that never ends");
  }

  tl::unexpected<Error> Broken(const std::string& what) const {
    return Fail(ErrorCode::kInvalidRequest,
                where_ + ": line " + std::to_string(line_) + ": " + what);
  }

  std::string_view text_;
  std::string where_;
  size_t position_ = 0;
  size_t line_ = 1;
};

}  // namespace

Result<size_t> CsvTable::Column(std::string_view name, const std::string& where) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  std::string present;
  for (const std::string& column : header)
    present += (present.empty() ? "" : ", ") + Quoted(column);
  return Fail(ErrorCode::kInvalidRequest,
              where + ": expected a column " + Quoted(name) + ", its header has " + present);
}

Result<CsvTable> ParseCsv(std::string_view text, const std::string& where) {
  CsvReader reader(text, where);
  CsvTable table;
  HALFLING_ASSIGN_OR_RETURN(table.header, reader.ReadRow());
  while (!reader.AtEnd()) {
    CsvRow row;
    row.line = reader.line();
    HALFLING_ASSIGN_OR_RETURN(row.fields, reader.ReadRow());
    if (row.fields.size() == 1 && row.fields[0].empty()) continue;
    if (row.fields.size() != table.header.size()) {
      return Fail(ErrorCode::kInvalidRequest,
                  where + ": line " + std::to_string(row.line) + ": " +
                      std::to_string(row.fields.size()) + " fields, expected " +
                      std::to_string(table.header.size()) + " as in the header");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace halfling
