#include "compressor/html_report/page.h"

#include <map>
#include <nlohmann/json.hpp>

#include "compressor/html_report/assets.h"
#include "compressor/io/files.h"

namespace halfling {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

// RFC 4648, of the bytes that `hex` spells.
std::string Base64OfHex(std::string_view hex) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned bits = 0;
  int num_bits = 0;
  for (const char digit : hex) {
    bits = (bits << 4U) | static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    num_bits += 4;
    if (num_bits >= 6) {
      num_bits -= 6;
      text += kDigits[(bits >> static_cast<unsigned>(num_bits)) & 63U];
    }
  }
  if (num_bits > 0) text += kDigits[(bits << static_cast<unsigned>(6 - num_bits)) & 63U];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

// What a Content-Security-Policy calls an inline script by.
std::string HashSource(std::string_view script) {
  return "'sha256-" + Base64OfHex(Sha256Hex(script)) + "'";
}

// Each {{name}} once, from left to right: what is put in is not searched again.
std::string FillIn(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string text;
  for (;;) {
    const size_t open = page.find(kOpen);
    const size_t close = open == page.npos ? page.npos : page.find(kClose, open);
    if (close == page.npos) return text.append(page);
    text += page.substr(0, open);
    text += values.at(page.substr(open + kOpen.size(), close - open - kOpen.size()));
    page.remove_prefix(close + kClose.size());
  }
}

// & < > " and ' as character references.
std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// JSON for the inside of a <script>: `<` is written as \u003c; bytes that are no UTF-8 are
// replaced.
std::string EscapedJson(const nlohmann::ordered_json& data) {
  const std::string json =
      data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string MakePage(const nlohmann::ordered_json& data, std::string_view title) {
  const std::string policy = "default-src 'none'; style-src 'unsafe-inline'; script-src " +
                             HashSource(kPlotScript) + " " + HashSource(kPageScript);
  return FillIn(kPageTemplate, {{"title", EscapeHtml(title)},
                                {"policy", policy},
                                {"plot-licence", std::string(kPlotLicence)},
                                {"plot-style", std::string(kPlotStyle)},
                                {"style", std::string(kPageStyle)},
                                {"data", EscapedJson(data)},
                                {"plot-script", std::string(kPlotScript)},
                                {"script", std::string(kPageScript)}});
}

}  // namespace halfling
