#include "engine/base/text.h"

#include <algorithm>
#include <cmath>

namespace halfling {
namespace {

constexpr uint64_t kDigits = 1'000'000;                // six of them
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

// A number's six leading digits and the power of ten of the first. Scaling rounds at each step, by
// less in all than the digits show.
struct Decimal {
  uint64_t digits = 0;  // kDigits / 10 … kDigits - 1
  int exponent = 0;
};

Decimal ToDecimal(double magnitude) {
  int exponent = 5;
  for (; magnitude >= kDigits; ++exponent) magnitude /= 10;
  for (; magnitude < kDigits / 10; --exponent) magnitude *= 10;
  const auto rounded = static_cast<uint64_t>(magnitude + 0.5);
  return rounded < kDigits ? Decimal{rounded, exponent} : Decimal{rounded / 10, exponent + 1};
}

}  // namespace

void TextPiece::SetInteger(uint64_t magnitude, bool negative) {
  char* const end = digits_.data() + digits_.size();
  char* begin = end;
  do {
    *--begin = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude > 0);
  if (negative) *--begin = '-';
  text_ = {begin, static_cast<size_t>(end - begin)};
}

TextPiece::TextPiece(double number) {
  const bool negative = number < 0;
  const double magnitude = std::abs(number);
  if (magnitude < kExactIntegers && magnitude == std::floor(magnitude)) {
    SetInteger(static_cast<uint64_t>(magnitude), negative);
    return;
  }
  if (!std::isfinite(number)) {
    text_ = std::isnan(number) ? "nan" : negative ? "-inf" : "inf";
    return;
  }

  auto [digits, exponent] = ToDecimal(magnitude);
  const bool scientific = exponent < -4 || exponent > 5;
  const int fewest = scientific ? 0 : std::max(exponent, 0);
  int places = 5;  // digits after the first
  for (; places > fewest && digits % 10 == 0; --places) digits /= 10;
  char* const end = digits_.data() + digits_.size();
  char* begin = end;
  if (scientific) {
    for (int rest = std::abs(exponent); rest > 0; rest /= 10) {
      *--begin = static_cast<char>('0' + rest % 10);
    }
    *--begin = exponent < 0 ? '-' : '+';
    *--begin = 'e';
    exponent = 0;
  }
  // From the last digit to the first, or to the zero before the point.
  const int after_point = places - exponent;
  for (int place = 0; digits > 0 || place <= after_point; ++place) {
    if (place > 0 && place == after_point) *--begin = '.';
    *--begin = static_cast<char>('0' + digits % 10);
    digits /= 10;
  }
  if (negative) *--begin = '-';
  text_ = {begin, static_cast<size_t>(end - begin)};
}

std::string ConcatPieces(std::initializer_list<TextPiece> pieces) {
  std::string text;
  for (const TextPiece& piece : pieces) text += piece.text();
  return text;
}

std::string Printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string printable;
  for (size_t i = 0; i < text.size(); ++i) {
    // The controls U+0080 to U+009F are C2 80 to C2 9F in UTF-8.
    const bool in_two_bytes = text.substr(i, 2) >= "\xC2\x80" && text.substr(i, 2) <= "\xC2\x9F";
    if (in_two_bytes) ++i;
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F || in_two_bytes) {
      printable += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      printable += text[i];
    }
  }
  return printable;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 96;
  size_t shown = text.size();
  if (shown > kMaxShown) {
    shown = kMaxShown;
    // Never cut within a UTF-8 sequence.
    while (shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xC0) == 0x80) --shown;
  }
  return Concat("\"", Printable(text.substr(0, shown)), shown < text.size() ? "…\"" : "\"");
}

}  // namespace halfling
