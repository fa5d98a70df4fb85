#pragma once

#include <cstdint>

namespace davit::shim {

struct terminal {
    int controller = -1; ///< For the shim, and by it for the engine
    int device = -1;     ///< The container's end
};

/// Opens a new pseudo terminal of the devpts instance at `stage`/dev/pts; its other end is taken by descriptor
/// (TIOCGPTPEER), never by name. It is mounted on `stage`/dev/console too.
terminal open_terminal(int stage, std::uint16_t rows, std::uint16_t columns);

/// Makes the terminal's device the controlling terminal and the standard streams of this process (a session leader).
void use_terminal(int device);

} // namespace davit::shim
