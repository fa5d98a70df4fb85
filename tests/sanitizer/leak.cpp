// Leaks coroutine frames and ends well: what the leak check of the asan preset must find.
#include "core/task.h"

namespace {

davit::task<int> give(int value) {
    co_return value;
}

// Several, so that a pointer that happens to stay on the stack can't hide them all.
[[gnu::noinline]] void leak_some() {
    for (int i = 0; i < 16; ++i) {
        davit::task<int>* volatile forgotten = new davit::task<int>{give(i)};
        static_cast<void>(forgotten);
    }
}

} // namespace

int main() {
    leak_some();
    return 0;
}
