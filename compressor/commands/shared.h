// What the commands' arguments have in common.
#ifndef HALFLING_COMPRESSOR_COMMANDS_SHARED_H_
#define HALFLING_COMPRESSOR_COMMANDS_SHARED_H_

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "compressor/interactions/read_examples.h"
#include "compressor/parallel.h"
#include "engine/recommender.h"

namespace halfling {

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
                                   size_t least, const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [&users, least, name](const std::string& text) {
            if (!ParseUsers(text, users) || users < least) {
              throw CLI::ValidationError(name, "expected `all` or a number from " +
                                                   std::to_string(least) + ", not `" + text + "`");
            }
          },
          help)
      ->type_name("N|all");
}

// JSON readers keep integers exact up to this one.
inline void AddSeedOption(CLI::App& command, uint64_t& seed) {
  command.add_option("--seed", seed, "Draws the users")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 53U))
      ->capture_default_str();
}

// `least`: as many as there are to be items in the list.
inline void AddBeamOption(CLI::App& command, int& beam, size_t least) {
  command.add_option("--beam", beam, "Beams of the search")
      ->check(CLI::Range(static_cast<int>(least), kMaxBeamWidth))
      ->capture_default_str();
}

inline void AddAllowSeenOption(CLI::App& command, bool& exclude_seen) {
  command.add_flag_callback(
      "--allow-seen", [&exclude_seen] { exclude_seen = false; },
      "Let items of the history be recommended again");
}

inline void AddSearchOption(CLI::App& command, SearchMethod& search) {
  const std::map<std::string, SearchMethod> names = {{"exact", SearchMethod::kExact},
                                                     {"beam", SearchMethod::kBeam}};
  command
      .add_option_function<std::string>(
          "--search", [&search, names](const std::string& name) { search = names.at(name); },
          "exact: the best of the catalogue, proven; beam: as good as --beam is wide [" +
              std::string(search == SearchMethod::kExact ? "exact" : "beam") + "]")
      ->check(CLI::IsMember({"exact", "beam"}))
      ->type_name("exact|beam");
}

inline void AddMaxProofNodesOption(CLI::App& command, int& max_proof_nodes) {
  command
      .add_option("--max-proof-nodes", max_proof_nodes,
                  "Tokens that --search exact may run for its proof")
      ->check(CLI::Range(1, kMaxProofNodes))
      ->capture_default_str();
}

inline void AddThreadsOption(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads; they never change a result")
      ->check(CLI::Range(1, kMaxThreads))
      ->capture_default_str();
}

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_COMMANDS_SHARED_H_
