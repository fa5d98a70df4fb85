#include "api/name_pattern.h"

#include <algorithm>
#include <optional>

namespace davit::api {

// The pattern becomes a program of byte sets and splits (Thompson's construction); matching keeps the set of places
// where the program can be.

namespace {

constexpr std::size_t longest_pattern = 1000;
constexpr std::size_t most_steps = 20'000;
constexpr unsigned deepest_nesting = 50;
constexpr unsigned most_repeats = 1000;

} // namespace

struct name_pattern::compiler {
    // Steps name others by their distance, so that a part can be copied and moved as it is.
    using part = std::vector<step>;

    std::string_view rest;
    name_pattern& out;
    unsigned depth = 0;
    bool is_malformed = false;

    bool at_end() const { return rest.empty(); }
    bool take(char wanted) {
        if (rest.empty() || rest.front() != wanted) return false;
        rest.remove_prefix(1);
        return true;
    }
    static std::int32_t size_of(const part& p) { return static_cast<std::int32_t>(p.size()); }
    static step split(std::int32_t first, std::int32_t second) { return {step::kind::split, first, second}; }
    static step jump(std::int32_t distance) { return split(distance, distance); }
    void append(part& to, const part& more) {
        if (to.size() + more.size() > most_steps)
            is_malformed = true;
        else
            to.insert(to.end(), more.begin(), more.end());
    }
    part set_part(const byte_set& set) {
        out.sets_.push_back(set);
        return {{step::kind::set, static_cast<std::int32_t>(out.sets_.size() - 1), 0}};
    }

    part alternatives() {
        if (++depth > deepest_nesting) is_malformed = true;
        std::vector<part> ways;
        do {
            if (is_malformed) return {};
            ways.push_back(sequence());
        } while (take('|'));
        --depth;
        part joined = std::move(ways.back());
        ways.pop_back();
        for (; !ways.empty() && !is_malformed; ways.pop_back()) {
            part both{split(1, size_of(ways.back()) + 2)};
            append(both, ways.back());
            both.push_back(jump(size_of(joined) + 1));
            append(both, joined);
            joined = std::move(both);
        }
        return joined;
    }

    part sequence() {
        part all;
        while (!is_malformed && !at_end() && rest.front() != '|' && rest.front() != ')') append(all, repeated());
        return all;
    }

    part repeated() {
        part once = atom();
        while (!is_malformed && !at_end()) {
            if (take('*'))
                once = any_number(once);
            else if (take('+'))
                once.push_back(split(-size_of(once), 1));
            else if (take('?'))
                once = at_most_once(once);
            else if (rest.front() != '{' || !counted(once))
                break;
            take('?'); // Lazy or greedy makes no difference to whether there is a match.
        }
        return once;
    }

    part any_number(const part& once) {
        part loop{split(1, size_of(once) + 2)};
        append(loop, once);
        loop.push_back(jump(-size_of(once) - 1));
        return loop;
    }

    part at_most_once(const part& once) {
        part maybe{split(1, size_of(once) + 1)};
        append(maybe, once);
        return maybe;
    }

    /// {n}, {n,}, {n,m} applied to `once`. False when the brace is a literal one.
    bool counted(part& once) {
        auto text = rest.substr(1);
        const auto number = [&]() -> std::optional<unsigned> {
            std::optional<unsigned> value;
            for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1))
                value = std::min(value.value_or(0) * 10 + static_cast<unsigned>(text.front() - '0'), most_repeats + 1);
            return value;
        };
        const auto least = number();
        auto most = least;
        if (!text.empty() && text.front() == ',') {
            text.remove_prefix(1);
            most = number();
        }
        if (!least || text.empty() || text.front() != '}') return false;
        rest = text.substr(1);
        if (*least > most_repeats || (most && (*most > most_repeats || *most < *least))) is_malformed = true;
        part all;
        for (unsigned i = 0; i < *least && !is_malformed; ++i) append(all, once);
        for (unsigned i = *least; most && i < *most && !is_malformed; ++i) append(all, at_most_once(once));
        if (!most) append(all, any_number(once));
        once = std::move(all);
        return true;
    }

    part atom() {
        if (take('(')) {
            if (rest.starts_with("?:")) rest.remove_prefix(2);
            part inner = alternatives();
            if (!take(')')) is_malformed = true;
            return inner;
        }
        if (take('[')) return bracket();
        if (take('^')) return {{step::kind::begin, 0, 0}};
        if (take('$')) return {{step::kind::end, 0, 0}};
        byte_set set;
        if (take('.')) {
            set.add('\n');
            set.invert();
        } else if (rest.front() == '*' || rest.front() == '+' || rest.front() == '?') {
            is_malformed = true;
        } else {
            element(set);
        }
        return set_part(set);
    }

    /// One character, or a class like \d, into `set`. Gives the character when it was one.
    std::optional<unsigned char> element(byte_set& set) {
        if (!take('\\')) {
            const auto c = static_cast<unsigned char>(rest.front());
            rest.remove_prefix(1);
            set.add(c);
            return c;
        }
        if (at_end()) {
            is_malformed = true;
            return std::nullopt;
        }
        const auto c = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        const auto add_range = [&](char from, char to) {
            for (int byte = from; byte <= to; ++byte) set.add(static_cast<unsigned char>(byte));
        };
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter) {
            set.add(c);
            return c;
        }
        switch (c) {
        case 'w':
            add_range('a', 'z');
            add_range('A', 'Z');
            set.add('_');
            [[fallthrough]];
        case 'd':
            add_range('0', '9');
            break;
        case 's':
            for (const char space : {' ', '\t', '\n', '\r', '\f'}) set.add(static_cast<unsigned char>(space));
            break;
        default:
            is_malformed = true;
        }
        return std::nullopt;
    }

    part bracket() {
        byte_set set;
        const bool is_inverted = take('^');
        for (bool is_first = true; is_first || (!at_end() && rest.front() != ']'); is_first = false) {
            if (at_end()) break;
            const auto from = element(set);
            if (is_malformed) return {};
            if (from && rest.size() > 1 && rest.front() == '-' && rest[1] != ']') {
                rest.remove_prefix(1);
                const auto to = element(set);
                if (!to || *to < *from) {
                    is_malformed = true;
                    return {};
                }
                for (unsigned byte = *from; byte <= *to; ++byte) set.add(static_cast<unsigned char>(byte));
            }
        }
        if (!take(']')) is_malformed = true;
        if (is_inverted) set.invert();
        return set_part(set);
    }
};

name_pattern::name_pattern(std::string_view pattern) : literal_{pattern} {
    if (pattern.size() > longest_pattern) return;
    compiler compiles{pattern, *this};
    auto program = compiles.alternatives();
    if (!compiles.at_end() || compiles.is_malformed) return;
    program.push_back({step::kind::match, 0, 0});
    steps_ = std::move(program);
}

void name_pattern::follow(std::uint32_t at, std::size_t position, std::size_t size, std::vector<std::uint32_t>& active,
                          std::vector<bool>& is_active) const {
    std::vector<std::uint32_t> open{at};
    while (!open.empty()) {
        const auto place = open.back();
        open.pop_back();
        if (is_active[place]) continue;
        is_active[place] = true;
        const step& s = steps_[place];
        if (s.what == step::kind::split) {
            open.push_back(place + static_cast<std::uint32_t>(s.second));
            open.push_back(place + static_cast<std::uint32_t>(s.first));
        } else if (s.what == step::kind::begin) {
            if (position == 0) open.push_back(place + 1);
        } else if (s.what == step::kind::end) {
            if (position == size) open.push_back(place + 1);
        } else {
            active.push_back(place);
        }
    }
}

bool name_pattern::matches(std::string_view text) const {
    if (text == literal_) return true;
    if (steps_.empty()) return false;
    std::vector<std::uint32_t> active;
    std::vector<std::uint32_t> following;
    std::vector<bool> is_active(steps_.size());
    for (std::size_t position = 0; position <= text.size(); ++position) {
        follow(0, position, text.size(), active, is_active); // a match may begin anywhere
        following.clear();
        is_active.assign(steps_.size(), false);
        for (const auto place : active) {
            if (steps_[place].what == step::kind::match) return true;
            if (position < text.size() &&
                sets_[static_cast<std::size_t>(steps_[place].first)].has(static_cast<unsigned char>(text[position])))
                follow(place + 1, position + 1, text.size(), following, is_active);
        }
        active.swap(following);
    }
    return false;
}

} // namespace davit::api
