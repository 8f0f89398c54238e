#include <cstdio>
#include <memory>
#include <utility>

#include "compressor/commands.h"
#include "compressor/commands/shared.h"
#include "compressor/evaluate_report.h"
#include "compressor/evaluation/compare.h"
#include "compressor/interactions/read_examples.h"
#include "compressor/open_model.h"

namespace halfling {
namespace {

struct EvaluateArguments {
  std::vector<std::filesystem::path> models;
  std::filesystem::path against;  // empty: nothing to compare with
  std::filesystem::path interactions;
  size_t users = kAllUsers;
  uint64_t seed = 1;
  std::string split = "test";
  RankingOptions ranking;
  bool allow_seen = false;
  bool json = false;

  // Whose items the examples are: the original, or the first of the models.
  const std::filesystem::path& reference() const {
    return against.empty() ? models.front() : against;
  }
};

constexpr char kEvaluateFooter[] =
    "The last item of a user is the test target, the one before it the validation target. Ranks\n"
    "the whole catalogue; HR@K and NDCG@K count the item itself, and beside that any item with "
    "the\n"
    "target's code, as the published figures do. With --against also how far the models are from\n"
    "that one: every metric's change, KL(it || model) of the target's code, and the share of its\n"
    "first ten items that the model lists too.\n"
    "\n"
    "Examples:\n"
    "  halfling evaluate build/checkpoints/movielens\n"
    "  halfling evaluate build/models/movielens-half --interactions ratings.csv --users 500 "
    "--json\n"
    "  halfling evaluate OUT-50 OUT-25 --against build/checkpoints/movielens";

Result<std::vector<Example>> ReadExamples(const EvaluateArguments& arguments,
                                          const Catalog& catalog) {
  std::vector<std::filesystem::path> directories = arguments.models;
  if (!arguments.against.empty()) directories.insert(directories.begin(), arguments.against);
  const Split split = arguments.split == "test" ? Split::kTest : Split::kValidation;
  return ReadExamples(FindInteractions(arguments.interactions, directories), catalog, split,
                      arguments.users, arguments.seed);
}

// Opens every model once before the first is ranked: what is wrong with the last is known early.
Status CheckModels(const EvaluateArguments& arguments, const Catalog& catalog) {
  for (const std::filesystem::path& directory : arguments.models) {
    HALFLING_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(directory));
    HALFLING_RETURN_IF_ERROR(CheckSameItems(catalog, arguments.reference().string(), opened.catalog,
                                            directory.string()));
  }
  return {};
}

// What the models are compared with, ranked once.
struct RankedReference {
  OpenedModel opened;
  TargetRanks ranks;  // empty without --against
};

bool IsReference(const EvaluateArguments& arguments, const std::filesystem::path& directory) {
  std::error_code ignored;
  return !arguments.against.empty() &&
         std::filesystem::equivalent(directory, arguments.against, ignored);
}

Result<TargetRanks> RankModel(const EvaluateArguments& arguments, const RankedReference& reference,
                              const std::filesystem::path& directory,
                              const std::vector<Example>& examples, Progress& progress) {
  if (IsReference(arguments, directory)) return reference.ranks;
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel opened, OpenModel(directory));
  RankingOptions ranking = arguments.ranking;
  ranking.code_logits =
      !arguments.against.empty() &&
      HaveSameCodes(reference.opened.recommender.model().trie, opened.recommender.model().trie);
  return RankTargets(opened.recommender, examples, ranking, progress)
      .map_error(NamingModel(directory));
}

EvaluateReport::Model Summarize(const std::filesystem::path& directory, const TargetRanks& ranks,
                                const TargetRanks* reference) {
  EvaluateReport::Model model;
  model.directory = directory.string();
  model.seconds = ranks.seconds;
  model.milliseconds_per_user = ranks.milliseconds_per_user;
  model.milliseconds_p99 = ranks.milliseconds_p99;
  model.search = SummarizeSearches(ranks.searches);
  model.strict = SummarizeRanks(ranks.strict);
  model.by_code = SummarizeRanks(ranks.by_code);
  if (reference != nullptr) model.comparison = Compare(*reference, ranks);
  return model;
}

Status RunEvaluate(EvaluateArguments& arguments) {
  arguments.ranking.exclude_seen = !arguments.allow_seen;
  HALFLING_ASSIGN_OR_RETURN(OpenedModel opened, OpenModel(arguments.reference()));
  HALFLING_ASSIGN_OR_RETURN(const std::vector<Example> examples,
                            ReadExamples(arguments, opened.catalog));
  HALFLING_RETURN_IF_ERROR(CheckModels(arguments, opened.catalog));

  EvaluateReport report;
  report.split = arguments.split;
  report.users = examples.size();
  report.search = arguments.ranking.search;
  report.beam = arguments.ranking.beam_width;
  report.limit = arguments.ranking.limit > 0 ? arguments.ranking.limit : report.beam;
  report.exclude_seen = arguments.ranking.exclude_seen;
  report.against = arguments.against.string();

  Progress progress(true);
  RankedReference reference{std::move(opened), {}};
  const bool compares = !arguments.against.empty();
  if (compares) {
    RankingOptions ranking = arguments.ranking;
    ranking.code_logits = true;
    HALFLING_ASSIGN_OR_RETURN(
        reference.ranks, RankTargets(reference.opened.recommender, examples, ranking, progress)
                             .map_error(NamingModel(arguments.against)));
  }
  for (const std::filesystem::path& directory : arguments.models) {
    HALFLING_ASSIGN_OR_RETURN(const TargetRanks ranks,
                              RankModel(arguments, reference, directory, examples, progress));
    report.models.push_back(Summarize(directory, ranks, compares ? &reference.ranks : nullptr));
  }
  progress.Finish();
  if (arguments.json) std::fputs(EvaluateJson(report).c_str(), stdout);
  std::fputs(EvaluateText(report).c_str(), arguments.json ? stderr : stdout);
  return {};
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, Action& run) {
  CLI::App& command =
      *app.add_subcommand("evaluate", "HR@K and NDCG@K of checkpoints and model directories");
  const auto arguments = std::make_shared<EvaluateArguments>();
  arguments->ranking.threads = DefaultThreads();

  command.add_option("MODEL", arguments->models, "Checkpoints or model directories")
      ->required()
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--against", arguments->against,
                  "A model of the same items, the original: what the others changed of it")
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--interactions", arguments->interactions,
                  "Interactions (JSON or CSV) [interactions.json beside one of the models]")
      ->check(CLI::ExistingFile);
  AddUsersOption(command, "--users", arguments->users, 1, "Users to evaluate with [all]");
  AddSeedOption(command, arguments->seed);
  command.add_option("--split", arguments->split, "Which targets")
      ->check(CLI::IsMember({"test", "validation"}))
      ->capture_default_str();
  command.add_flag("--allow-seen", arguments->allow_seen,
                   "Let items of the history be recommended again");
  AddSearchOption(command, arguments->ranking.search);
  AddBeamOption(command, arguments->ranking.beam_width);
  AddMaxProofNodesOption(command, arguments->ranking.max_proof_nodes);
  command
      .add_option("--limit", arguments->ranking.limit,
                  "Length of the lists; above 10, items of one code push no other out of the first "
                  "ten [as many as --beam]")
      ->check(CLI::Range(1, kMaxBeamWidth));
  AddThreadsOption(command, arguments->ranking.threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout, tables on stderr");
  command.footer(kEvaluateFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunEvaluate(*arguments); }; });
}

}  // namespace halfling
