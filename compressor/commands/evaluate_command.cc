#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/evaluation/rank_targets.h"
#include "compressor/interactions/interactions.h"
#include "compressor/report.h"

namespace halfling {
namespace {

struct EvaluateArguments {
  std::filesystem::path directory;
  std::filesystem::path against;  // empty: nothing to compare with
  std::filesystem::path interactions;
  size_t users = kAllUsers;
  uint64_t seed = 1;
  std::string split = "test";
  RankingOptions ranking;
  bool allow_seen = false;
  bool json = false;
};

constexpr char kEvaluateFooter[] =
    "The last item of a user is the test target, the one before it the validation target. Ranks\n"
    "the whole catalogue; HR@K and NDCG@K count the item itself, and beside that any item with "
    "the\n"
    "target's code, as the published figures do.\n"
    "\n"
    "Examples:\n"
    "  halfling evaluate build/checkpoints/movielens\n"
    "  halfling evaluate build/models/movielens-half --interactions ratings.csv --users 500 "
    "--json\n"
    "  halfling evaluate OUT --against build/checkpoints/movielens --interactions ratings.csv";

Result<std::vector<Example>> ReadExamples(const EvaluateArguments& arguments,
                                          const Catalog& catalog) {
  const std::filesystem::path path = arguments.interactions.empty()
                                         ? arguments.directory / kInteractionsFile
                                         : arguments.interactions;
  HALFLING_ASSIGN_OR_RETURN(const Interactions interactions, ReadInteractions(path, catalog));
  const Split split = arguments.split == "test" ? Split::kTest : Split::kValidation;
  std::vector<Example> examples =
      DrawExamples(LeaveOneOut(interactions, split), arguments.users, arguments.seed);
  if (examples.empty()) {
    return Fail(ErrorCode::kInvalidRequest,
                path.string() + ": expected a user with an item before the target");
  }
  return examples;
}

// Ranks are comparable only where item numbers mean the same.
Status CheckSameItems(const EvaluateArguments& arguments, const Catalog& catalog,
                      const Catalog& other) {
  if (std::ranges::equal(catalog.items(), other.items(), {}, &CatalogItem::id, &CatalogItem::id)) {
    return {};
  }
  return Fail(ErrorCode::kInvalidRequest, arguments.against.string() + ": expected the items of " +
                                              arguments.directory.string() + ", in the same order");
}

Result<EvaluateReport::Comparison> Compare(const EvaluateArguments& arguments,
                                           const Catalog& catalog,
                                           const std::vector<Example>& examples,
                                           const TargetRanks& ranks, Progress& progress) {
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel other, OpenModel(arguments.against));
  HALFLING_RETURN_IF_ERROR(CheckSameItems(arguments, catalog, other.catalog));
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks before,
                            RankTargets(other.recommender, examples, arguments.ranking, progress));
  return EvaluateReport::Comparison{arguments.against.string(),
                                    RelativeChange(Metric::kNdcg10, before.strict, ranks.strict)};
}

Status RunEvaluate(EvaluateArguments& arguments) {
  arguments.ranking.exclude_seen = !arguments.allow_seen;
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(arguments.directory));
  HALFLING_ASSIGN_OR_RETURN(const std::vector<Example> examples,
                            ReadExamples(arguments, opened.catalog));
  const auto begin = std::chrono::steady_clock::now();
  Progress progress(true);
  HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks,
                            RankTargets(opened.recommender, examples, arguments.ranking, progress));

  EvaluateReport report;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!arguments.against.empty()) {
    HALFLING_ASSIGN_OR_RETURN(report.against,
                              Compare(arguments, opened.catalog, examples, ranks, progress));
  }
  progress.Finish();
  report.directory = arguments.directory.string();
  report.split = arguments.split;
  report.users = examples.size();
  report.beam = arguments.ranking.beam_width;
  report.exclude_seen = arguments.ranking.exclude_seen;
  report.strict = SummarizeRanks(ranks.strict);
  report.by_code = SummarizeRanks(ranks.by_code);
  if (arguments.json) std::fputs(EvaluateJson(report).c_str(), stdout);
  std::fputs(EvaluateText(report).c_str(), arguments.json ? stderr : stdout);
  return {};
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, Action& run) {
  CLI::App& command =
      *app.add_subcommand("evaluate", "HR@K and NDCG@K of a checkpoint or a model directory");
  const auto arguments = std::make_shared<EvaluateArguments>();
  arguments->ranking.threads = DefaultThreads();

  command.add_option("DIR", arguments->directory, "Checkpoint or model directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--against", arguments->against,
                  "Another model of the same items: the change from it, paired by user")
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--interactions", arguments->interactions,
                  "Interactions (JSON or CSV) [DIR/interactions.json]")
      ->check(CLI::ExistingFile);
  AddUsersOption(command, "--users", arguments->users, 1, "Users to evaluate with [all]");
  AddSeedOption(command, arguments->seed);
  command.add_option("--split", arguments->split, "Which targets")
      ->check(CLI::IsMember({"test", "validation"}))
      ->capture_default_str();
  command.add_flag("--allow-seen", arguments->allow_seen,
                   "Let items of the history be recommended again");
  AddBeamOption(command, arguments->ranking.beam_width);
  AddThreadsOption(command, arguments->ranking.threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout, tables on stderr");
  command.footer(kEvaluateFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunEvaluate(*arguments); }; });
}

}  // namespace halfling
