#include <cstdio>
#include <memory>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/report.h"

namespace halfling {
namespace {

struct InspectArguments {
  std::filesystem::path directory;
  bool json = false;
};

constexpr char kInspectFooter[] =
    "Loads the model and verifies every file's SHA-256 on the way.\n"
    "\n"
    "Examples:\n"
    "  halfling inspect build/models/movielens-half\n"
    "  halfling inspect build/checkpoints/movielens --json";

Status RunInspect(const InspectArguments& arguments) {
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments.directory));
  const std::string directory = arguments.directory.string();
  std::fputs(
      (arguments.json ? InspectJson(opened, directory) : InspectText(opened, directory)).c_str(),
      stdout);
  return {};
}

}  // namespace

void AddInspectCommand(CLI::App& app, Action& run) {
  CLI::App& command =
      *app.add_subcommand("inspect", "Configuration, ranks, files and figures of a directory");
  const auto arguments = std::make_shared<InspectArguments>();
  command.add_option("DIR", arguments->directory, "Checkpoint or model directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout");
  command.footer(kInspectFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunInspect(*arguments); }; });
}

}  // namespace halfling
