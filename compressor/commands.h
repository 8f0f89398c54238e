// The command line: what each command takes, and what it does with it.
#ifndef HALFLING_COMPRESSOR_COMMANDS_H_
#define HALFLING_COMPRESSOR_COMMANDS_H_

#include <functional>

#include "engine/base/result.h"

namespace CLI {
class App;
}

namespace halfling {

// Each adds a subcommand to `app`, with its help. When the command line names it, `run` becomes the
// action to take once parsing is over; it prints its result and returns what went wrong.
using Action = std::function<Status()>;

void AddCompressCommand(CLI::App& app, Action& run);
void AddEvaluateCommand(CLI::App& app, Action& run);
void AddPerplexityCommand(CLI::App& app, Action& run);
void AddReportCommand(CLI::App& app, Action& run);
void AddRecommendCommand(CLI::App& app, Action& run);
void AddInspectCommand(CLI::App& app, Action& run);

}  // namespace halfling

#endif  // HALFLING_COMPRESSOR_COMMANDS_H_
