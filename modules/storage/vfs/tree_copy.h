#pragma once

namespace davit {

/// Copies a layer whose whiteouts are markers (.wh.NAME, .wh..wh..opq; OCI image-spec, layer.md §Whiteouts) over the
/// tree that the layers below it gave: first what it hides is removed, then what it has is put in its place, with
/// owner, mode, times, xattrs, devices and the hard links inside the layer.
///
/// Blocks: it belongs on a worker. Both are open directories; links are not followed and mounts not crossed.
/// Errors: those of the system calls, with the entry's name; too_large for a tree of more than 400 levels.
void apply_layer(int layer, int root);

} // namespace davit
