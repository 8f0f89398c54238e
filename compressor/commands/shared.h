// What the commands' arguments have in common.
#ifndef HALFLING_COMPRESSOR_COMMANDS_SHARED_H_
#define HALFLING_COMPRESSOR_COMMANDS_SHARED_H_

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstddef>
#include <limits>
#include <string>

#include "compressor/parallel.h"
#include "engine/recommender.h"

namespace halfling {

inline constexpr size_t kAllUsers = std::numeric_limits<size_t>::max();
inline constexpr int kMaxThreads = 256;

// "all", or a number of users.
inline bool ParseUsers(const std::string& text, size_t& users) {
  if (text == "all") {
    users = kAllUsers;
    return true;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), users);
  return error == std::errc() && end == text.data() + text.size();
}

inline CLI::Option* AddUsersOption(CLI::App& command, const std::string& name, size_t& users,
                                   const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [&users, name](const std::string& text) {
            if (!ParseUsers(text, users)) {
              throw CLI::ValidationError(name, "expected a number or `all`, not `" + text + "`");
            }
          },
          help)
      ->type_name("N|all");
}

inline void AddBeamOption(CLI::App& command, int& beam) {
  command.add_option("--beam", beam, "Beams of the search")
      ->check(CLI::Range(1, kMaxBeamWidth))
      ->capture_default_str();
}

inline void AddThreadsOption(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads; they never change a result")
      ->check(CLI::Range(1, kMaxThreads))
      ->capture_default_str();
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_COMMANDS_SHARED_H_
