// One self-contained HTML page out of a report's data: no network, no other file.
#ifndef HALFLING_COMPRESSOR_HTML_REPORT_PAGE_H_
#define HALFLING_COMPRESSOR_HTML_REPORT_PAGE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace halfling {

// `data`: what page.js reads (see report_data.h). Texts in it are untrusted: they reach the page as
// JSON that cannot end its script element, and page.js makes text nodes of them. The page's own
// policy allows the two scripts by their hashes and nothing from anywhere else.
std::string MakePage(const nlohmann::ordered_json& data, std::string_view title);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_HTML_REPORT_PAGE_H_
