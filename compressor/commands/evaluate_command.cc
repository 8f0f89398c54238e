#include <cstdio>
#include <memory>
#include <optional>

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

// Holds one model at a time, the last that was asked for: two would take twice the memory.
class OpenModels {
 public:
  Result<const OpenedModel*> Open(const std::filesystem::path& directory) {
    if (!opened_ || directory != directory_) {
      opened_.reset();
      HALFLING_ASSIGN_OR_RETURN(opened_, OpenModel(directory));
      directory_ = directory;
    }
    return &*opened_;
  }

 private:
  std::filesystem::path directory_;
  std::optional<OpenedModel> opened_;
};

// What of the reference outlives it: whose items the others are to have, and by which codes.
struct ReferenceItems {
  Catalog catalog;
  ItemTrie trie;
};

// Opens every model once before the first is ranked: what is wrong with the last is known early.
Status CheckModels(const EvaluateArguments& arguments, const Catalog& catalog, OpenModels& models) {
  for (const std::filesystem::path& directory : arguments.models) {
    HALFLING_ASSIGN_OR_RETURN(const OpenedModel* const opened, models.Open(directory));
    HALFLING_RETURN_IF_ERROR(CheckSameItems(catalog, arguments.reference().string(),
                                            opened->catalog, directory.string()));
  }
  return {};
}

Result<TargetRanks> RankModel(const EvaluateArguments& arguments, const ReferenceItems& reference,
                              const std::filesystem::path& directory,
                              const std::vector<Example>& examples, OpenModels& models,
                              Progress& progress) {
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel* const opened, models.Open(directory));
  RankingOptions ranking = arguments.ranking;
  ranking.code_logits = !arguments.against.empty() &&
                        HaveSameCodes(reference.trie, opened->recommender.model().trie);
  return RankTargets(opened->recommender, examples, ranking, progress)
      .map_error(NamingModel(directory));
}

bool IsReference(const EvaluateArguments& arguments, const std::filesystem::path& directory) {
  std::error_code ignored;
  return std::filesystem::equivalent(directory, arguments.against, ignored);
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
  OpenModels models;
  HALFLING_ASSIGN_OR_RETURN(const OpenedModel* const opened, models.Open(arguments.reference()));
  const ReferenceItems reference{opened->catalog, opened->recommender.model().trie};
  HALFLING_ASSIGN_OR_RETURN(const std::vector<Example> examples,
                            ReadExamples(arguments, reference.catalog));
  HALFLING_RETURN_IF_ERROR(CheckModels(arguments, reference.catalog, models));

  EvaluateReport report;
  report.split = arguments.split;
  report.users = examples.size();
  report.search = arguments.ranking.search;
  report.beam = arguments.ranking.beam_width;
  report.limit = arguments.ranking.limit > 0 ? arguments.ranking.limit : report.beam;
  report.exclude_seen = arguments.ranking.exclude_seen;
  report.seen_targets = CountSeenTargets(examples);
  report.against = arguments.against.string();

  Progress progress(true);
  std::optional<TargetRanks> against;
  if (!arguments.against.empty()) {
    HALFLING_ASSIGN_OR_RETURN(against, RankModel(arguments, reference, arguments.against, examples,
                                                 models, progress));
  }
  for (const std::filesystem::path& directory : arguments.models) {
    if (against && IsReference(arguments, directory)) {
      report.models.push_back(Summarize(directory, *against, &*against));
      continue;
    }
    HALFLING_ASSIGN_OR_RETURN(
        const TargetRanks ranks,
        RankModel(arguments, reference, directory, examples, models, progress));
    report.models.push_back(Summarize(directory, ranks, against ? &*against : nullptr));
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
  AddAllowSeenOption(command, arguments->ranking.exclude_seen);
  AddSearchOption(command, arguments->ranking.search);
  AddBeamOption(command, arguments->ranking.beam_width, kTopItems);
  AddMaxProofNodesOption(command, arguments->ranking.max_proof_nodes);
  command
      .add_option("--limit", arguments->ranking.limit,
                  "Length of the lists; above 10, items of one code push no other out of the first "
                  "ten [as many as --beam]")
      ->check(CLI::Range(static_cast<int>(kTopItems), kMaxBeamWidth));
  AddThreadsOption(command, arguments->ranking.threads);
  command.add_flag("--json", arguments->json, "Result as JSON on stdout, tables on stderr");
  command.footer(kEvaluateFooter);
  command.callback([arguments, &run] { run = [arguments] { return RunEvaluate(*arguments); }; });
}

}  // namespace halfling
