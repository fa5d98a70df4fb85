#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/types/image.h"

namespace davit::cli {

/// Images, the newest first, with their platforms below them, as docker's `images --tree` shows them.
/// `width`: of the terminal, in characters; what does not fit is left out. Terminals get colours, and names without
/// control characters. Images without a name are shown when `shows_all`.
std::string image_tree(const std::vector<api::image_summary>& images, bool shows_all, std::size_t width,
                       bool is_terminal);

} // namespace davit::cli
