// Text for messages, put together in one call: a chain of + compiles to several times the code, and
// messages are a good part of what a page downloads.
#ifndef HALFLING_ENGINE_BASE_TEXT_H_
#define HALFLING_ENGINE_BASE_TEXT_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace halfling {

// Something within a message: a text, which must outlive the piece, or a number. Integers are shown
// whole; fractions and what lies beyond 2^53 with six digits ("0.5", "1e-12", "nan").
class TextPiece {
 public:
  TextPiece(std::string_view text) : text_(text) {}
  TextPiece(const std::string& text) : text_(text) {}
  TextPiece(const char* text) : text_(text) {}
  TextPiece(double number);
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  TextPiece(T number) {
    if constexpr (std::is_signed_v<T>) {
      SetInteger(number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number),
                 number < 0);
    } else {
      SetInteger(number, false);
    }
  }

  // The text may lie within the piece.
  TextPiece(const TextPiece&) = delete;
  TextPiece& operator=(const TextPiece&) = delete;

  std::string_view text() const { return text_; }

 private:
  void SetInteger(uint64_t magnitude, bool negative);

  std::array<char, 24> digits_;
  std::string_view text_;
};

std::string ConcatPieces(std::initializer_list<TextPiece> pieces);

// The pieces one after another.
template <typename... Pieces>
std::string Concat(const Pieces&... pieces) {
  return ConcatPieces({TextPiece(pieces)...});
}

// `text` with control characters as \xNN: a terminal shows them instead of obeying.
std::string Printable(std::string_view text);

// `text` in double quotes for a message: printable, and cut short where it is long.
std::string Quoted(std::string_view text);

}  // namespace halfling

#endif  // HALFLING_ENGINE_BASE_TEXT_H_
