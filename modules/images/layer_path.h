#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace davit {

/// What the name of a layer's entry asks for (OCI image-spec, layer.md §Whiteouts).
enum class layer_mark : std::uint8_t {
    none,     ///< An ordinary entry
    whiteout, ///< `name` of the layers below is gone
    opaque,   ///< All that the layers below have in `parent` is gone
    ignored,  ///< A book-keeping entry of aufs (.wh..wh.NAME)
};

/// A name in an archive, made plain: relative to the layer's root, without ".", ".." and doubled slashes. It is text
/// only: where it leads, links included, is decided by the kernel below the root's descriptor.
struct layer_path {
    std::string parent; ///< "usr/bin"; empty for the root
    std::string name;   ///< "sh"; empty when the path is the root itself
    layer_mark mark = layer_mark::none;

    std::string text() const { return parent.empty() ? name : parent + "/" + name; }
};

/// Reads a name as Docker does: a leading slash is dropped, ".." goes back one component. Errors: invalid (it leads out
/// of the layer; a whiteout of something that is no ordinary name, or in the middle of a path), too_large (4,095 bytes,
/// 255 a component).
layer_path parse_layer_path(std::string_view written);

} // namespace davit
