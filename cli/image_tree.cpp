#include "cli/image_tree.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "api/types/human_units.h"
#include "cli/output.h"

namespace davit::cli {

namespace {

/// What switches a terminal to a colour or weight; empty for a text as it is.
using style = std::string_view;

constexpr style plain_style = "\x1b[39m";
constexpr style faint_style = "\x1b[39m\x1b[2m";
constexpr style heading_style = "\x1b[39m\x1b[1m";
constexpr style name_style = "\x1b[34m\x1b[1m";
constexpr style warning_style = "\x1b[93m";
constexpr style mark_style = "\x1b[38;5;0m\x1b[48;5;14m";

constexpr std::string_view gap = "   ";
constexpr std::string_view name_heading = "IMAGE";
constexpr std::string_view untagged = "<untagged>";
constexpr std::size_t narrowest = 20;      ///< A terminal is taken to have so many columns
constexpr std::size_t narrowest_name = 12; ///< Columns that would leave less for names are left out

/// What says at the upper right what the mark means.
struct legend {
    std::string_view before_mark;
    std::string_view mark;
    std::size_t width; ///< In characters, with the mark and what is said after it
};

constexpr legend plain_legend = {"Info ->  ", "U", 18};
constexpr legend coloured_legend = {"\x1b[1m\x1b[106m\x1b[30mi\x1b[0m\x1b[0m \x1b[96mInfo → \x1b[0m\x1b[0m ", " U ",
                                    21};

/// What stands beside a name.
struct details {
    std::string id;
    std::int64_t disk_usage = 0;
    std::int64_t content_size = 0;
    bool is_in_use = false;
    bool is_here = true;
};

struct entry {
    std::vector<std::string> names; ///< The longest first, which have a line of their own; none for an image without
    details own;
    std::vector<std::pair<std::string, details>> platforms;
};

std::string blanks(std::size_t count) {
    return std::string(count, ' ');
}

std::string size_text(std::int64_t bytes) {
    return api::human_size(static_cast<double>(bytes), 3);
}

std::string short_id(const details& of) {
    return printable(of.id.substr(of.id.find(':') + 1, 12));
}

std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

struct tree_column {
    std::string_view heading;
    std::size_t width;
    std::string (*value)(const details&); ///< Aligned to the right; null for the marks
};

constexpr std::array tree_columns = {
    tree_column{"ID", 12, short_id},
    tree_column{"DISK USAGE", 10, [](const details& of) { return size_text(of.disk_usage); }},
    tree_column{"CONTENT SIZE", 12, [](const details& of) { return size_text(of.content_size); }},
    tree_column{"EXTRA", 5, nullptr},
};

bool is_dangling(const api::image_summary& image) {
    const auto nothing_but = [](const std::vector<std::string>& names, std::string_view none) {
        return names.size() == 1 && names[0] == none;
    };
    return (image.repo_tags.empty() && image.repo_digests.empty()) ||
           (nothing_but(image.repo_tags, "<none>:<none>") && nothing_but(image.repo_digests, "<none>@<none>"));
}

entry entry_of(const api::image_summary& image, bool is_terminal) {
    entry made;
    made.own = {image.id, image.size, 0, image.containers > 0};
    for (const std::string& tag : image.repo_tags) {
        std::string name = is_terminal ? printable(tag) : tag;
        const auto after_longer =
            std::ranges::upper_bound(made.names, name.size(), std::ranges::greater{}, &std::string::size);
        made.names.insert(after_longer, std::move(name));
    }
    for (const api::image_manifest& one : image.manifests.value_or(std::vector<api::image_manifest>{})) {
        made.own.content_size += one.size.content;
        if (one.kind != "image" || !one.image) continue;
        const details below{one.id, one.size.total, one.size.content, !one.image->containers.empty(), one.is_available};
        made.own.is_in_use |= below.is_in_use;
        made.platforms.emplace_back(one.image->runs_on.os.empty() ? "unknown" : printable(one.image->runs_on.text()),
                                    below);
    }
    return made;
}

class tree_text {
  public:
    tree_text(std::size_t width, bool is_terminal, const std::vector<entry>& entries)
        : width_{width}, is_terminal_{is_terminal}, legend_{is_terminal ? coloured_legend : plain_legend} {
        std::size_t left = std::max(width, narrowest);
        for (const tree_column& one : tree_columns) {
            if (left < narrowest_name + one.width + gap.size()) break;
            left -= one.width + gap.size();
            ++columns_shown_;
        }
        // Bytes, not characters, as docker counts here; it leaves names that are missing out.
        std::size_t widest = name_heading.size();
        for (const entry& one : entries) {
            has_platforms_ |= !one.platforms.empty();
            for (const std::string& name : one.names) widest = std::max(widest, name.size());
            for (const auto& [name, below] : one.platforms) widest = std::max(widest, branch(name, true).size());
        }
        name_width_ = std::min(left, widest);
    }

    void add_legend() {
        text_ += styled(warning_style, "WARNING: This is an experimental feature. The output may change and shouldn't "
                                       "be depended on.") +
                 "\n";
        text_ += fmt::format("{}{}{} In Use \n\n", blanks(width_ - std::min(width_, legend_.width)),
                             legend_.before_mark, styled(mark_style, legend_.mark));
    }

    void add_heading() {
        // docker's headings are bold in a pipe, too.
        const auto heading = [](std::string_view text) { return fmt::format("{}{}\x1b[0m", heading_style, text); };
        text_ += heading(name_heading) + blanks(name_width_ - name_heading.size());
        for (std::size_t i = 0; i < columns_shown_; ++i)
            text_ += fmt::format("{}{}{}", gap, heading(tree_columns[i].heading),
                                 blanks(tree_columns[i].width - tree_columns[i].heading.size()));
        text_ += "\n";
    }

    void add(const entry& of) {
        for (std::size_t i = 0; i + 1 < of.names.size(); ++i)
            text_ += styled(name_style, with_ellipsis(of.names[i], width_)) + "\n";
        if (of.names.empty())
            add_line(faint_style, std::string{untagged}, of.own);
        else
            add_line(name_style, of.names.back(), of.own);
        for (std::size_t i = 0; i < of.platforms.size(); ++i) {
            const auto& [name, below] = of.platforms[i];
            add_line(below.is_here ? plain_style : faint_style, branch(name, i + 1 == of.platforms.size()), below);
        }
        if (has_platforms_) text_ += "\n";
    }

    std::string take() && { return std::move(text_); }

  private:
    static std::string branch(const std::string& name, bool is_last) { return (is_last ? "└─ " : "├─ ") + name; }

    std::string styled(style in, std::string_view text) const {
        return is_terminal_ ? fmt::format("{}{}\x1b[0m", in, text) : std::string{text};
    }

    void add_line(style of_name, const std::string& name, const details& beside) {
        const std::string shown = with_ellipsis(name, name_width_);
        text_ += styled(of_name, shown) + blanks(name_width_ - characters_of(shown));
        for (std::size_t i = 0; i < columns_shown_; ++i) {
            text_ += gap;
            if (tree_columns[i].value == nullptr) {
                text_ += beside.is_in_use
                             ? styled(mark_style, legend_.mark) + blanks(tree_columns[i].width - legend_.mark.size())
                             : blanks(tree_columns[i].width);
                continue;
            }
            const std::string text = tree_columns[i].value(beside);
            text_ += blanks(tree_columns[i].width - std::min(text.size(), tree_columns[i].width)) +
                     styled(beside.is_here ? plain_style : faint_style, text);
        }
        text_ += "\n";
    }

    std::size_t width_;
    bool is_terminal_;
    const legend& legend_;
    bool has_platforms_ = false; ///< Then a blank line follows each image
    std::size_t columns_shown_ = 0;
    std::size_t name_width_ = 0;
    std::string text_;
};

} // namespace

std::string image_tree(const std::vector<api::image_summary>& images, bool shows_all, std::size_t width,
                       bool is_terminal) {
    std::multimap<std::int64_t, const api::image_summary*, std::greater<>> by_age;
    for (const auto& image : images)
        if (shows_all || !is_dangling(image)) by_age.emplace(image.created, &image);
    std::vector<entry> entries;
    for (const auto& [created, image] : by_age) entries.push_back(entry_of(*image, is_terminal));
    tree_text drawn{width, is_terminal, entries};
    drawn.add_legend();
    drawn.add_heading();
    for (const entry& one : entries) drawn.add(one);
    return std::move(drawn).take();
}

} // namespace davit::cli
