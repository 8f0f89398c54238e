// Many short lists of tokens in one piece of memory: the item codes of a catalogue of any size.
#ifndef HALFLING_ENGINE_BASE_TOKEN_LISTS_H_
#define HALFLING_ENGINE_BASE_TOKEN_LISTS_H_

#include <cstddef>
#include <span>
#include <vector>

namespace halfling {

class TokenLists {
 public:
  TokenLists() = default;
  TokenLists(const std::vector<std::vector<int>>& lists) {  // NOLINT: the same in other words
    for (const std::vector<int>& list : lists) Append(list);
  }

  size_t size() const { return begins_.size() - 1; }
  bool empty() const { return size() == 0; }
  std::span<const int> operator[](size_t i) const {
    return std::span(tokens_).subspan(begins_[i], begins_[i + 1] - begins_[i]);
  }

  void Append(std::span<const int> list) {
    tokens_.insert(tokens_.end(), list.begin(), list.end());
    begins_.push_back(tokens_.size());
  }
  void Reserve(size_t lists, size_t tokens) {
    begins_.reserve(lists + 1);
    tokens_.reserve(tokens);
  }

  friend bool operator==(const TokenLists&, const TokenLists&) = default;

 private:
  std::vector<int> tokens_;
  std::vector<size_t> begins_ = {0};  // [size + 1]
};

}  // namespace halfling

#endif  // HALFLING_ENGINE_BASE_TOKEN_LISTS_H_
