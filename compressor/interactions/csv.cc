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
  Status ReadRow(std::vector<std::string>& fields) {
    fields.clear();
    for (;;) {
      HALFLING_ASSIGN_OR_RETURN(std::string field, ReadField());
      fields.push_back(std::move(field));
      if (AtEnd()) return {};
      if (text_[position_] == ',') {
        ++position_;
        continue;
      }
      if (text_.substr(position_).starts_with("\r\n")) ++position_;
      if (text_[position_] != '\n') return Broken("expected a comma or the end of the line");
      ++position_;
      ++line_;
      return {};
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

Result<std::vector<size_t>> FindColumns(const std::vector<std::string>& header,
                                        std::span<const std::string_view> columns,
                                        const std::string& where) {
  std::vector<size_t> places;
  for (const std::string_view name : columns) {
    const auto found = std::ranges::find(header, name);
    if (found == header.end()) {
      std::string present;
      for (const std::string& column : header)
        present += (present.empty() ? "" : ", ") + Quoted(column);
      return Fail(ErrorCode::kInvalidRequest, where, ": expected a column ", Quoted(name),
                  ", its header has ", present);
    }
    places.push_back(static_cast<size_t>(found - header.begin()));
  }
  return places;
}

}  // namespace

Status ReadCsv(std::string_view text, std::span<const std::string_view> columns,
               const std::string& where, const CsvVisitor& visit) {
  CsvReader reader(text, where);
  std::vector<std::string> row;
  HALFLING_RETURN_IF_ERROR(reader.ReadRow(row));
  const size_t width = row.size();
  HALFLING_ASSIGN_OR_RETURN(const std::vector<size_t> places, FindColumns(row, columns, where));
  std::vector<std::string> fields(places.size());
  while (!reader.AtEnd()) {
    const size_t line = reader.line();
    HALFLING_RETURN_IF_ERROR(reader.ReadRow(row));
    if (row.size() == 1 && row[0].empty()) continue;
    if (row.size() != width) {
      return Fail(ErrorCode::kInvalidRequest, where, ": line ", line, ": ", row.size(),
                  " fields, expected ", width, " as in the header");
    }
    for (size_t i = 0; i < places.size(); ++i) fields[i] = std::move(row[places[i]]);
    if (const Status status = visit(fields); !status) {
      return Fail(status.error().code, where, ": line ", line, ": ", status.error().message);
    }
  }
  return {};
}

}  // namespace halfling
