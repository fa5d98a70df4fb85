#include "cli/command.h"

namespace davit::cli {

exit_error failure_with_help(int code, std::string_view command, std::string_view text) {
    return {code, "davit: {}\n\nRun 'davit {} --help' for more information", text, command};
}

} // namespace davit::cli
