#include "cli/template.h"

#include <algorithm>
#include <deque>

#include "cli/template_nodes.h"
#include "core/error.h"

namespace davit::cli {

using detail::template_body;
using detail::template_command;
using detail::template_node;
using detail::template_operand;
using detail::template_pipeline;

namespace {

[[noreturn]] void refuse(std::string_view place, std::string_view written, std::string_view why) {
    throw error(errc::invalid, "template: :{}: executing \"\" at <{}>: {}", place, written, why);
}

[[noreturn]] void refuse(const template_command& of, std::string_view why) {
    refuse(of.operands.front().place, of.written, why);
}

[[noreturn]] void refuse(const template_operand& of, std::string_view why) {
    std::string written = of.what == template_operand::kind::variable ? of.name : "";
    for (const std::string& field : of.fields) written += "." + field;
    refuse(of.place, written, why);
}

/// Walks a template once, with the values that its names have meanwhile.
class evaluation {
  public:
    evaluation(const template_body& nodes, const value& top, const template_object& object)
        : nodes_{nodes}, top_{top}, object_{object} {
        variables_.emplace_back("$", top);
    }

    void body(const template_body& nodes, const value& dot) {
        const std::size_t outer = variables_.size();
        for (const auto& node : nodes) {
            one(*node, dot);
            if (flow_ != flow::on) break;
        }
        variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(outer), variables_.end());
    }

    std::string take() { return std::move(out_); }

  private:
    void one(const template_node& node, const value& dot) {
        switch (node.what) {
        case template_node::kind::text:
            out_ += node.text;
            return;
        case template_node::kind::action: {
            const value result = pipeline(node.pipeline, dot);
            if (node.pipeline.variables.empty())
                out_ += result.is_null() ? null_text(node.pipeline) : shown(node.pipeline, result);
            else
                bind(node.pipeline, {result});
            return;
        }
        case template_node::kind::condition:
        case template_node::kind::with: {
            const std::size_t outer = variables_.size();
            const value result = pipeline(node.pipeline, dot);
            if (!node.pipeline.variables.empty()) bind(node.pipeline, {result});
            const bool is_true = result.is_true();
            const bool moves_dot = is_true && node.what == template_node::kind::with;
            body(is_true ? node.body : node.otherwise, moves_dot ? result : dot);
            variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(outer), variables_.end());
            return;
        }
        case template_node::kind::range:
            range(node, dot);
            return;
        case template_node::kind::definition:
            return;
        case template_node::kind::use:
            use(node, dot);
            return;
        case template_node::kind::leave:
            flow_ = flow::leave;
            return;
        case template_node::kind::next:
            flow_ = flow::next;
            return;
        }
    }

    /// A template that is used knows nothing of the variables where it is. The last definition of a name counts.
    void use(const template_node& node, const value& dot) {
        const auto defined = std::find_if(nodes_.rbegin(), nodes_.rend(), [&](const auto& other) {
            return other->what == template_node::kind::definition && other->text == node.text;
        });
        const std::string written = fmt::format("{{{{template \"{}\"}}}}", node.text);
        if (defined == nodes_.rend()) refuse("1", written, fmt::format("template \"{}\" not defined", node.text));
        if (depth_ == most_depth) refuse("1", written, fmt::format("exceeded maximum template depth ({})", most_depth));
        const value argument = node.pipeline.commands.empty() ? value{} : pipeline(node.pipeline, dot);
        decltype(variables_) own{{"$", argument}};
        variables_.swap(own);
        ++depth_;
        body((*defined)->body, argument);
        --depth_;
        variables_.swap(own);
    }

    /// What docker holds in structures is printed as Go prints those, without the members' names.
    std::string shown(const template_pipeline& of, const value& result) const {
        const template_operand& last = of.commands.back().operands.front();
        const bool is_member = of.commands.back().operands.size() == 1 && !last.fields.empty() && object_.null_text;
        return is_member ? structure(result, last.fields.back()) : result.to_text();
    }

    std::string structure(const value& of, const std::string& name) const {
        std::string text;
        if (of.is_null()) return object_.null_text(name);
        if (const auto* elements = of.as_list()) {
            for (const value& element : *elements) text += (text.empty() ? "" : " ") + structure(element, name);
            return "[" + text + "]";
        }
        const auto* members = of.as_object();
        if (!members || is_map(*members, name)) return of.to_text();
        for (const auto& [key, member] : *members) text += (text.empty() ? "" : " ") + structure(member, key);
        return "{" + text + "}";
    }

    /// Maps among the members that docker knows; Config is one in LogConfig, and a structure otherwise.
    static bool is_map(const value::object& members, std::string_view name) {
        for (const std::string_view known :
             {"Labels", "Attributes", "Annotations", "Options", "Volumes", "ExposedPorts", "Ports", "PortBindings",
              "Sysctls", "Tmpfs", "Networks", "DriverOpts", "StorageOpt", "Data", "Metadata"})
            if (name == known) return true;
        return name == "Config" &&
               std::all_of(members.begin(), members.end(), [](const auto& m) { return m.second.as_string(); });
    }

    std::string null_text(const template_pipeline& of) const {
        const template_operand& last = of.commands.back().operands.front();
        const bool is_member = last.what == template_operand::kind::dot && !last.fields.empty();
        const bool is_known = is_member && object_.null_text && !is_open_map(last.fields, last.fields.back());
        return is_known ? object_.null_text(last.fields.back()) : "<no value>";
    }

    void range(const template_node& node, const value& dot) {
        const value over = pipeline(node.pipeline, dot);
        if (!over.is_true()) {
            body(node.otherwise, dot);
            return;
        }
        const std::size_t outer = variables_.size();
        const auto turn = [&](const value& key, const value& element) {
            const auto& names = node.pipeline.variables;
            if (names.size() == 1) variables_.emplace_back(names[0], element);
            if (names.size() == 2) {
                variables_.emplace_back(names[0], key);
                variables_.emplace_back(names[1], element);
            }
            body(node.body, element);
            variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(outer), variables_.end());
            const bool goes_on = flow_ != flow::leave;
            flow_ = flow::on;
            return goes_on;
        };
        if (const auto* elements = over.as_list()) {
            for (std::size_t i = 0; i < elements->size(); ++i)
                if (!turn(static_cast<std::int64_t>(i), (*elements)[i])) return;
        } else if (const auto* count = over.as_integer()) {
            for (std::int64_t i = 0; i < *count; ++i)
                if (!turn(i, i)) return;
        } else if (const auto* members = over.as_object()) {
            value::object sorted = *members; // Go walks a map in the order of its keys
            std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
            for (const auto& [key, member] : sorted)
                if (!turn(key, member)) return;
        } else {
            refuse(node.pipeline.commands.back(), fmt::format("range can't iterate over {}", over.to_text()));
        }
    }

    void bind(const template_pipeline& from, const std::vector<value>& results) {
        for (std::size_t i = 0; i < from.variables.size() && i < results.size(); ++i) {
            if (from.is_assignment)
                variable(from.variables[i]) = results[i];
            else
                variables_.emplace_back(from.variables[i], results[i]);
        }
    }

    value& variable(const std::string& name) {
        for (auto at = variables_.rbegin(); at != variables_.rend(); ++at)
            if (at->first == name) return at->second;
        throw error(errc::invalid, "template: :1: undefined variable \"{}\"", name);
    }

    value pipeline(const template_pipeline& of, const value& dot) {
        value result;
        for (std::size_t i = 0; i < of.commands.size(); ++i)
            result = command(of.commands[i], dot, i == 0 ? nullptr : &result);
        return result;
    }

    value command(const template_command& of, const value& dot, const value* piped) {
        const template_operand& first = of.operands.front();
        if (first.what != template_operand::kind::function) {
            const bool is_method = first.what == template_operand::kind::dot && first.fields.size() == 1 &&
                                   of.operands.size() == 2 && !piped && object_.call;
            if (is_method)
                if (const auto result = object_.call(first.fields[0], operand(of.operands[1], dot))) return *result;
            const bool has_arguments = of.operands.size() > 1 || piped;
            if (has_arguments && !first.fields.empty())
                refuse(first, fmt::format("{} is not a method but has arguments", first.fields.back()));
            if (has_arguments) refuse(of, fmt::format("can't give argument to non-function {}", of.written));
            return operand(first, dot);
        }
        if (first.name == "and" || first.name == "or") return first_of(of, dot, piped);
        std::vector<value> arguments;
        for (std::size_t i = 1; i < of.operands.size(); ++i) arguments.push_back(operand(of.operands[i], dot));
        if (piped) arguments.push_back(*piped);
        if (object_.is_heading && !arguments.empty() && changes_looks(first.name)) return arguments.front();
        return call(of, arguments);
    }

    static value call(const template_command& of, const std::vector<value>& arguments) {
        try {
            return detail::call_template_function(of.operands.front().name, arguments);
        } catch (const error& e) {
            refuse(of, e.text());
        }
    }

    /// The first argument of `or` that is true, of `and` that is not; those after it are not looked at.
    value first_of(const template_command& of, const value& dot, const value* piped) {
        const bool wanted = of.operands.front().name == "or";
        if (of.operands.size() == 1 && !piped)
            refuse(of, fmt::format("wrong number of args for {}: want at least 1 got 0", of.operands.front().name));
        value last;
        for (std::size_t i = 1; i < of.operands.size(); ++i)
            if (last = operand(of.operands[i], dot); last.is_true() == wanted) return last;
        return piped ? *piped : last;
    }

    static bool changes_looks(std::string_view function) {
        for (const char* name : {"json", "title", "lower", "upper", "truncate"})
            if (function == name) return true;
        return false;
    }

    value operand(const template_operand& of, const value& dot) {
        switch (of.what) {
        case template_operand::kind::dot:
            return field(dot, of);
        case template_operand::kind::variable:
            return field(variable(of.name), of);
        case template_operand::kind::literal:
            return of.literal;
        case template_operand::kind::pipeline:
            return field(pipeline(*of.inner, dot), of);
        case template_operand::kind::function: {
            template_command alone;
            alone.written = of.name;
            auto& only = alone.operands.emplace_back();
            only.what = of.what;
            only.name = of.name;
            only.place = of.place;
            return command(alone, dot, nullptr);
        }
        }
        return {};
    }

    value field(const value& from, const template_operand& of) {
        const value* at = &from;
        for (const std::string& name : of.fields) {
            if (at->is_null()) refuse(of, fmt::format("nil pointer evaluating interface {{}}.{}", name));
            if (!at->as_object()) refuse(of, fmt::format("can't evaluate field {} in type interface {{}}", name));
            const value* next = at->find_in_any_case(name);
            if (!next && at != &from && is_open_map(of.fields, name)) {
                absent_.emplace_back();
                at = &absent_.back();
                continue;
            }
            if (!next && object_.find)
                if (auto found = object_.find(name)) {
                    absent_.push_back(std::move(*found));
                    at = &absent_.back();
                    continue;
                }
            if (!next && at == &from && from == top_ && !object_.type_name.empty())
                refuse(of, fmt::format("can't evaluate field {} in type {}", name, object_.type_name));
            if (!next) refuse(of, fmt::format("map has no entry for key \"{}\"", name));
            at = next;
        }
        return *at;
    }

    /// Whether the member before the last one is a map of the users' own keys: what it lacks is nothing, not a mistake.
    static bool is_open_map(const std::vector<std::string>& fields, const std::string& key) {
        if (fields.size() < 2 || fields.back() != key) return false;
        const std::string& map = fields[fields.size() - 2];
        return map == "Labels" || map == "Attributes" || map == "Annotations" || map == "Options";
    }

    enum class flow : unsigned char { on, next, leave };

    /// Templates may use themselves; deeper ones would end the stack.
    static constexpr int most_depth = 1000;

    const template_body& nodes_;
    int depth_ = 0; ///< Of templates in use
    const value& top_;
    const template_object& object_;
    flow flow_ = flow::on;     ///< What a {{break}} or {{continue}} asks of the range around it
    std::deque<value> absent_; ///< What members are that the object does not have
    std::string out_;
    std::vector<std::pair<std::string, value>> variables_;
};

void collect_heading(const template_body& nodes, std::vector<std::string>& into) {
    for (const auto& node : nodes) {
        if (node->what == template_node::kind::action)
            for (const template_command& command : node->pipeline.commands)
                for (const template_operand& operand : command.operands)
                    if (operand.what == template_operand::kind::dot && !operand.fields.empty())
                        into.push_back(operand.fields.back());
        collect_heading(node->body, into);
        collect_heading(node->otherwise, into);
    }
}

} // namespace

text_template::text_template(std::string_view source) : nodes_{detail::parse_template(source)} {}
text_template::text_template(text_template&&) noexcept = default;
text_template::~text_template() = default;

std::string text_template::render(const value& dot, const template_object& object) const {
    evaluation running{nodes_, dot, object};
    running.body(nodes_, dot);
    return running.take();
}

std::vector<std::string> text_template::heading_fields() const {
    std::vector<std::string> fields;
    collect_heading(nodes_, fields);
    return fields;
}

} // namespace davit::cli
