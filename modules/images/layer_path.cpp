#include "modules/images/layer_path.h"

#include <vector>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::size_t longest_path = 4095, longest_name = 255;
constexpr std::string_view prefix = ".wh.";
constexpr std::string_view aufs_prefix = ".wh..wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";

void read_mark(layer_path& path) {
    if (!path.name.starts_with(prefix)) return;
    if (path.name == opaque_name) {
        path.mark = layer_mark::opaque;
    } else if (path.name.starts_with(aufs_prefix) && path.name.size() > aufs_prefix.size()) {
        path.mark = layer_mark::ignored;
    } else {
        path.name.erase(0, prefix.size());
        if (path.name.empty() || path.name == "." || path.name == ".." || path.name.starts_with(prefix))
            throw error(errc::invalid, "it is a whiteout of {:?}, which is no name", path.name);
        path.mark = layer_mark::whiteout;
    }
}

} // namespace

layer_path parse_layer_path(std::string_view written) {
    if (written.size() > longest_path) throw error(errc::too_large, "its name is longer than {} bytes", longest_path);
    std::vector<std::string_view> components;
    while (!written.empty()) {
        const auto slash = written.find('/');
        const std::string_view component = written.substr(0, slash);
        written.remove_prefix(slash == std::string_view::npos ? written.size() : slash + 1);
        if (component.empty() || component == ".") continue;
        if (component == "..") {
            if (components.empty()) throw error(errc::invalid, "its name leads out of the layer");
            components.pop_back();
            continue;
        }
        if (component.size() > longest_name)
            throw error(errc::too_large, "a part of its name is longer than {} bytes", longest_name);
        components.push_back(component);
    }
    layer_path path;
    if (components.empty()) return path;
    path.name = components.back();
    components.pop_back();
    for (const std::string_view component : components) {
        if (component.starts_with(prefix)) throw error(errc::invalid, "a whiteout ({}) is no directory", component);
        if (!path.parent.empty()) path.parent += '/';
        path.parent += component;
    }
    read_mark(path);
    return path;
}

} // namespace davit
