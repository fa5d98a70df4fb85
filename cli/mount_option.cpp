#include "cli/mount_option.h"

#include <charconv>

#include "cli/option_values.h"
#include "cli/value.h"
#include "core/error.h"

namespace davit::cli {

namespace {

/// What the fields of one --mount have said so far.
class mount_fields {
  public:
    void read(const std::string& field);
    std::string to_json() const;

  private:
    bool read_bind_option(const std::string& key, const std::string& wanted);
    bool read_other_option(const std::string& key, const std::string& wanted);
    void check() const;

    std::string type_ = "volume", source_, target_, consistency_, propagation_;
    bool is_read_only_ = false;
    value bind_, volume_, tmpfs_, image_; ///< Null without an option of their kind
    value labels_, driver_options_;
    std::string driver_;
};

[[noreturn]] void refuse_value(const std::string& key, const std::string& wanted) {
    throw error(errc::invalid, "invalid value for {}: {}", key, wanted);
}

bool read_truth(const std::string& key, const std::string& wanted) {
    const auto truth = parse_truth(wanted);
    if (!truth) refuse_value(key, wanted);
    return *truth;
}

void mount_fields::read(const std::string& field) {
    const auto [name, wanted] = split_pair(field);
    const std::string key = in_lower_case(name);
    const bool is_flag = key == "readonly" || key == "ro" || key == "volume-nocopy" || key == "bind-nonrecursive";
    if (field.find('=') == std::string::npos) {
        if (!is_flag) throw error(errc::invalid, "invalid field '{}' must be a key=value pair", field);
        return read(key + "=true");
    }
    if (key == "type")
        type_ = in_lower_case(wanted);
    else if (key == "source" || key == "src")
        source_ = wanted == "." || wanted.starts_with("./") ? absolute_path(wanted) : wanted;
    else if (key == "target" || key == "dst" || key == "destination")
        target_ = wanted;
    else if (key == "readonly" || key == "ro")
        is_read_only_ = read_truth(key, wanted);
    else if (key == "consistency")
        consistency_ = in_lower_case(wanted);
    else if (!read_bind_option(key, wanted) && !read_other_option(key, wanted))
        throw error(errc::invalid, "unexpected key '{}' in '{}'", key, field);
}

bool mount_fields::read_bind_option(const std::string& key, const std::string& wanted) {
    const bool is_recursion = key == "bind-recursive";
    if (!is_recursion && key != "bind-propagation" && key != "bind-nonrecursive") return false;
    if (bind_.is_null() && !(is_recursion && wanted == "enabled")) bind_ = value::object{};
    if (key == "bind-propagation")
        bind_.set("Propagation", propagation_ = in_lower_case(wanted));
    else if (key == "bind-nonrecursive")
        bind_.set("NonRecursive", read_truth(key, wanted));
    else if (wanted == "disabled")
        bind_.set("NonRecursive", true);
    else if (wanted == "writable")
        bind_.set("ReadOnlyNonRecursive", true);
    else if (wanted == "readonly")
        bind_.set("ReadOnlyForceRecursive", true);
    else if (wanted != "enabled")
        throw error(errc::invalid,
                    "invalid value for {}: {} (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")", key,
                    wanted);
    return true;
}

bool mount_fields::read_other_option(const std::string& key, const std::string& wanted) {
    value& of = key.starts_with("volume-") ? volume_ : key.starts_with("tmpfs-") ? tmpfs_ : image_;
    const auto [name, more] = split_pair(wanted);
    if (key == "volume-nocopy") {
        of.set("NoCopy", read_truth(key, wanted));
    } else if (key == "volume-subpath" || key == "image-subpath") {
        of.set("Subpath", wanted);
    } else if (key == "volume-label") {
        labels_.set(name, more);
    } else if (key == "volume-driver") {
        driver_ = wanted;
    } else if (key == "volume-opt") {
        driver_options_.set(name, more);
    } else if (key == "tmpfs-size") {
        try {
            of.set("SizeBytes", parse_bytes(wanted));
        } catch (const error&) {
            refuse_value(key, wanted);
        }
    } else if (key == "tmpfs-mode") {
        std::uint32_t mode = 0;
        const auto [end, failed] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), mode, 8);
        if (failed != std::errc{} || end != wanted.data() + wanted.size()) refuse_value(key, wanted);
        of.set("Mode", static_cast<std::int64_t>(mode));
    } else {
        return false;
    }
    return true;
}

void mount_fields::check() const {
    const bool has_volume_options =
        !volume_.is_null() || !labels_.is_null() || !driver_options_.is_null() || !driver_.empty();
    const auto check_kind = [this](bool has_options, std::string_view kind) {
        if (has_options && type_ != kind)
            throw error(errc::invalid, "cannot mix '{}-*' options with mount type '{}'", kind, type_);
    };
    if (type_.empty()) throw error(errc::invalid, "type is required");
    if (target_.empty()) throw error(errc::invalid, "target is required");
    check_kind(has_volume_options, "volume");
    check_kind(!image_.is_null(), "image");
    check_kind(!bind_.is_null(), "bind");
    check_kind(!tmpfs_.is_null(), "tmpfs");
    const bool is_forced = bind_.find("ReadOnlyForceRecursive") != nullptr;
    const bool is_writable = bind_.find("ReadOnlyNonRecursive") != nullptr;
    constexpr std::string_view needs =
        "option 'bind-recursive={}' requires '{}' to be specified in conjunction"; // in docker's words
    if (is_writable && !is_read_only_) throw error(errc::invalid, needs, "writable", "readonly");
    if (is_forced && !is_read_only_) throw error(errc::invalid, needs, "readonly", "readonly");
    if (is_forced && propagation_ != "rprivate")
        throw error(errc::invalid, needs, "readonly", "bind-propagation=rprivate");
}

std::string mount_fields::to_json() const {
    check();
    value mount;
    mount.set("Type", type_);
    if (!source_.empty()) mount.set("Source", source_);
    mount.set("Target", target_);
    if (is_read_only_) mount.set("ReadOnly", true);
    if (!consistency_.empty()) mount.set("Consistency", consistency_);
    if (!bind_.is_null()) mount.set("BindOptions", bind_);
    value volume = volume_;
    if (!labels_.is_null()) volume.set("Labels", labels_);
    if (!driver_.empty() || !driver_options_.is_null()) {
        value driver;
        if (!driver_.empty()) driver.set("Name", driver_);
        if (!driver_options_.is_null()) driver.set("Options", driver_options_);
        volume.set("DriverConfig", std::move(driver));
    }
    if (!volume.is_null()) mount.set("VolumeOptions", std::move(volume));
    if (!tmpfs_.is_null()) mount.set("TmpfsOptions", tmpfs_);
    if (!image_.is_null()) mount.set("ImageOptions", image_);
    return mount.to_json();
}

} // namespace

std::string parse_mount(const std::string& text) {
    if (text.empty()) throw error(errc::invalid, "EOF");
    mount_fields fields;
    for (const std::string& field : split_csv(text)) fields.read(field);
    return fields.to_json();
}

} // namespace davit::cli
