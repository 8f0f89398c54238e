// JSON documents as text.
#ifndef HALFLING_COMPRESSOR_IO_JSON_TEXT_H_
#define HALFLING_COMPRESSOR_IO_JSON_TEXT_H_

#include <nlohmann/json.hpp>
#include <string>

namespace halfling {

// One line, or indented by `indent` spaces; ends in a newline. What is no UTF-8, as a directory's
// name may be, becomes U+FFFD: the library would throw.
inline std::string JsonText(const nlohmann::ordered_json& json, int indent = -1) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_IO_JSON_TEXT_H_
