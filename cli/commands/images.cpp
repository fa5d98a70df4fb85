#include <chrono>
#include <unistd.h>
#include <utility>

#include "api/types/human_units.h"
#include "api/types/image.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/filters.h"
#include "cli/image_tree.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace davit::cli {

namespace {

constexpr std::size_t usual_columns = 80; ///< Of what is no terminal, or doesn't tell

struct image_name {
    std::string repository = "<none>";
    std::string tag = "<none>";
    std::string digest = "<none>";
};

/// "name:tag" and "name@digest", split at their last mark.
image_name name_of(const std::string& text) {
    image_name name;
    const std::size_t at = text.find('@');
    if (at != std::string::npos) {
        name.repository = text.substr(0, at);
        name.digest = text.substr(at + 1);
        return name;
    }
    const std::size_t colon = text.rfind(':');
    name.repository = text.substr(0, colon);
    name.tag = text.substr(colon + 1);
    return name;
}

class images_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("all", 'a', shows_all_, "Show all images (default hides intermediate images)");
        flags.boolean("digests", 0, shows_digests_, "Show digests");
        declare_filters(flags, filters_);
        flags.text("format", 0, format_,
                   "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or 'TEMPLATE'");
        flags.boolean("no-trunc", 0, is_whole_, "Don't truncate output");
        flags.boolean("quiet", 'q', is_quiet_, "Only show image IDs");
        flags.boolean("tree", 0, is_tree_, "List multi-platform images as a tree (EXPERIMENTAL)");
        flags.since("tree", "1.47");
    }

    task<int> run(invocation call) override {
        if (is_tree_) refuse_beside_tree();
        if (!call.words.empty()) filters_.push_back("reference=" + call.words[0]);
        std::string path = fmt::format("/images/json?all={:d}{}", shows_all_, is_tree_ ? "&manifests=1" : "");
        if (const std::string filters = filters_parameter(filters_); !filters.empty()) path += "&" + filters;
        const std::string body = co_await call.api.ask(io::http_method::get, path);
        const auto found = io::parse<std::vector<api::image_summary>>(body, "the engine's list");
        if (is_tree_) {
            const std::size_t columns = size_of_terminal(STDOUT_FILENO).columns;
            print_commands(
                image_tree(found, shows_all_, columns == 0 ? usual_columns : columns, is_terminal(STDOUT_FILENO)));
            co_return 0;
        }
        std::vector<listing::column> columns = {{"Repository", "REPOSITORY"}, {"Tag", "TAG"}};
        if (shows_digests_) columns.push_back({"Digest", "DIGEST"});
        for (const auto& column : {listing::column{"ID", "IMAGE ID"}, listing::column{"CreatedSince", "CREATED"},
                                   listing::column{"Size", "SIZE"}})
            columns.push_back(column);
        if (format_.empty() && !is_quiet_) format_ = call.settings.images_format;
        if (format_ == "raw") format_ = raw_shape();
        listing list{format_,
                     std::move(columns),
                     {{"Digest", "DIGEST"},
                      {"CreatedAt", "CREATED AT"},
                      {"Containers", "CONTAINERS"},
                      {"SharedSize", "SHARED SIZE"},
                      {"UniqueSize", "UNIQUE SIZE"},
                      {"VirtualSize", "SIZE"}},
                     "template parsing error",
                     "*formatter.imageContext"};
        for (const auto& image : found) {
            if (is_quiet_ && format_.empty()) {
                print(shown_id(image) + "\n");
                continue;
            }
            for (image_name& name : names_of(image)) {
                if (!shows_digests_ && format_.find("{{.Digest}}") == std::string::npos) name.digest = "<none>";
                list.add(row(image, name));
            }
        }
        if (!is_quiet_ || !format_.empty()) print(list.text());
        co_return 0;
    }

  private:
    void refuse_beside_tree() const {
        for (const auto& [is_given, name] :
             {std::pair{is_quiet_, "quiet"}, std::pair{is_whole_, "no-trunc"}, std::pair{shows_digests_, "show-digest"},
              std::pair{!format_.empty(), "format"}})
            if (is_given) throw exit_error(1, "--{} is not yet supported with --tree", name);
    }

    std::string raw_shape() const {
        if (is_quiet_) return "image_id: {{.ID}}";
        return fmt::format("repository: {{{{.Repository}}}}\ntag: {{{{.Tag}}}}\n{}image_id: {{{{.ID}}}}\n"
                           "created_at: {{{{.CreatedAt}}}}\nvirtual_size: {{{{.Size}}}}\n{{{{\"\"}}}}",
                           shows_digests_ ? "digest: {{.Digest}}\n" : "");
    }

    std::string shown_id(const api::image_summary& of) const {
        return is_whole_ ? of.id : of.id.substr(of.id.find(':') + 1, 12);
    }

    std::vector<image_name> names_of(const api::image_summary& image) const {
        std::vector<image_name> names;
        for (const std::string& tag : image.repo_tags) names.push_back(name_of(tag));
        for (const std::string& text : image.repo_digests) {
            const image_name with_digest = name_of(text);
            bool has_tag = false;
            for (image_name& name : names)
                if (name.repository == with_digest.repository) {
                    name.digest = with_digest.digest;
                    has_tag = true;
                }
            if (!has_tag) names.push_back(with_digest);
        }
        if (names.empty()) names.emplace_back();
        return names;
    }

    value row(const api::image_summary& of, const image_name& name) const {
        const auto age = std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(of.created);
        const std::string size = api::human_size(static_cast<double>(of.size), 3);
        value shown;
        shown.set("Containers", of.containers < 0 ? std::string{"N/A"} : std::to_string(of.containers));
        shown.set("CreatedAt", local_time(of.created));
        shown.set("CreatedSince", api::human_duration(age) + " ago");
        shown.set("Digest", name.digest);
        shown.set("ID", shown_id(of));
        shown.set("Repository", name.repository);
        shown.set("SharedSize", "N/A");
        shown.set("Size", size);
        shown.set("Tag", name.tag);
        shown.set("UniqueSize", "N/A");
        shown.set("VirtualSize", api::human_size(static_cast<double>(of.size)));
        return shown;
    }

    bool shows_all_ = false, shows_digests_ = false, is_whole_ = false, is_quiet_ = false, is_tree_ = false;
    std::vector<std::string> filters_;
    std::string format_;
};

} // namespace

std::unique_ptr<command> make_images() {
    return std::make_unique<images_command>();
}

} // namespace davit::cli
