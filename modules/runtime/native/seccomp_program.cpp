#include "modules/runtime/native/seccomp_program.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t not_implemented = SECCOMP_RET_ERRNO | ENOSYS;

/// Writes a program from its end to its beginning, so that the targets of jumps, which only lead forwards, are known.
class backwards_assembler {
  public:
    using place = std::size_t; ///< Counted from the end

    place statement(std::uint16_t code, std::uint32_t value) {
        reversed_.push_back({code, 0, 0, value});
        return reversed_.size() - 1;
    }

    /// An instruction that returns `value`: an existing one that a conditional jump from here still reaches, or a new.
    place returning(std::uint32_t value) {
        for (auto i = reversed_.size(); i-- > 0 && reversed_.size() - i < 200;)
            if (reversed_[i].code == (BPF_RET | BPF_K) && reversed_[i].k == value) return i;
        return statement(BPF_RET | BPF_K, value);
    }

    /// Jumps to `then` when the comparison of the accumulator with `value` holds, otherwise to `otherwise`.
    place branch(std::uint16_t comparison, std::uint32_t value, place then, place otherwise) {
        // A bridge moves the branch itself away from its other target, so both are built before distances are taken.
        then = within_reach(then);
        otherwise = within_reach(otherwise);
        const auto here = reversed_.size();
        reversed_.push_back({static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K),
                             static_cast<std::uint8_t>(here - then - 1),
                             static_cast<std::uint8_t>(here - otherwise - 1), value});
        return here;
    }

    /// Makes `target` what comes next when an instruction is put before here that just goes on.
    void go_on_at(place target) {
        if (target != reversed_.size() - 1)
            statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(reversed_.size() - target - 1));
    }

    std::string take() && {
        std::reverse(reversed_.begin(), reversed_.end());
        if (reversed_.size() > BPF_MAXINSNS) throw error(errc::internal, "the seccomp filter has grown too long");
        return {reinterpret_cast<const char*>(reversed_.data()), reversed_.size() * sizeof(sock_filter)};
    }

  private:
    place within_reach(place target) {
        if (reversed_.size() - target < 250) return target;
        return statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(reversed_.size() - target - 1));
    }

    std::vector<sock_filter> reversed_;
};

using place = backwards_assembler::place;

place assemble_tests(backwards_assembler& into, const std::vector<argument_test>& tests) {
    const auto allowed = into.returning(allow);
    auto next = into.returning(refuse);
    for (auto test = tests.rbegin(); test != tests.rend(); ++test) {
        switch (test->how) {
        case argument_test::comparison::below:
            next = into.branch(BPF_JGE, test->value, next, allowed);
            break;
        case argument_test::comparison::equal:
            next = into.branch(BPF_JEQ, test->value, allowed, next);
            break;
        case argument_test::comparison::above:
            next = into.branch(BPF_JGT, test->value, allowed, next);
            break;
        case argument_test::comparison::no_bit_of:
            next = into.branch(BPF_JSET, test->value, next, allowed);
            break;
        }
        const bool is_first = test + 1 == tests.rend();
        if (!is_first && (test + 1)->argument == test->argument) continue;
        into.go_on_at(next);
        // Both architectures that we know are little-endian: the low half comes first.
        const auto offset = offsetof(seccomp_data, args) + test->argument * sizeof(std::uint64_t);
        next = into.statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
    }
    return next;
}

place assemble_verdict(backwards_assembler& into, const call_verdict& verdict) {
    switch (verdict.is) {
    case call_verdict::kind::allowed:
        return into.returning(allow);
    case call_verdict::kind::not_implemented:
        return into.returning(not_implemented);
    case call_verdict::kind::conditional:
        return assemble_tests(into, verdict.tests);
    case call_verdict::kind::refused:
        break;
    }
    return into.returning(refuse);
}

/// From `first` on, up to the next range's first, one verdict.
struct number_range {
    std::uint32_t first;
    call_verdict verdict;
};

std::vector<number_range> ranges_of(const architecture_verdicts& all) {
    std::vector<number_range> ranges;
    const auto add = [&](std::uint32_t first, const call_verdict& verdict) {
        if (ranges.empty() || ranges.back().verdict != verdict) ranges.push_back({first, verdict});
    };
    // Numbers between those that have a verdict, which lie on both sides of `first_unknown`: 32-bit ARM's own calls
    // begin at 0xf0000.
    const auto add_gap = [&](std::uint32_t first, std::uint32_t end) {
        if (first < end && first < all.first_unknown) add(first, {});
        if (end > all.first_unknown && first < end)
            add(std::max(first, all.first_unknown), {call_verdict::kind::not_implemented, {}});
    };
    std::uint32_t next = 0;
    for (const auto& [number, verdict] : all.calls) {
        add_gap(next, number);
        add(number, verdict);
        next = number + 1;
    }
    add_gap(next, std::numeric_limits<std::uint32_t>::max());
    return ranges;
}

place assemble_tree(backwards_assembler& into, const number_range* begin, const number_range* end) {
    if (end - begin == 1) return assemble_verdict(into, begin->verdict);
    const auto* middle = begin + (end - begin) / 2;
    const auto above = assemble_tree(into, middle, end);
    const auto below = assemble_tree(into, begin, middle);
    return into.branch(BPF_JGE, middle->first, above, below);
}

} // namespace

std::string assemble_seccomp(const std::vector<architecture_verdicts>& architectures) {
    backwards_assembler code;
    auto next = code.returning(refuse);
    for (auto one = architectures.rbegin(); one != architectures.rend(); ++one) {
        const auto ranges = ranges_of(*one);
        const auto tree = assemble_tree(code, ranges.data(), ranges.data() + ranges.size());
        code.go_on_at(tree);
        const auto calls = code.statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
        next = code.branch(BPF_JEQ, one->audit_architecture, calls, next);
    }
    code.go_on_at(next);
    code.statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    return std::move(code).take();
}

} // namespace davit
