// The files of the report's page, embedded by CMakeLists.txt.
#ifndef HALFLING_COMPRESSOR_HTML_REPORT_ASSETS_H_
#define HALFLING_COMPRESSOR_HTML_REPORT_ASSETS_H_

#include <string_view>

namespace halfling {

extern const std::string_view kPageTemplate;  // page.html
extern const std::string_view kPageStyle;     // page.css
extern const std::string_view kPageScript;    // page.js
// uPlot, MIT licence.
extern const std::string_view kPlotStyle;
extern const std::string_view kPlotScript;
extern const std::string_view kPlotLicence;

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_HTML_REPORT_ASSETS_H_
