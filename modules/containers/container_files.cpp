#include "modules/containers/container_files.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "io/descriptor.h"

namespace davit {

namespace {

constexpr std::size_t host_file_limit = 1u << 20;

std::string_view next_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

/// The words of a line of resolv.conf, its keyword first.
std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const auto end = line.find_first_of(" \t\r");
        words.push_back(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    }
    return words;
}

bool is_loopback(std::string_view server) {
    return server.starts_with("127.") || server == "::1";
}

std::string join(std::string_view keyword, const std::vector<std::string>& words) {
    std::string line{keyword};
    for (const std::string& word : words) line += " " + word;
    return line + "\n";
}

void write_all(int file, const std::string& text, const std::string& path) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(file, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw error::system(errno, "writing {}", path);
        written += static_cast<std::size_t>(count);
    }
}

void make_file(int directory, const char* name, const std::string& text, const std::string& path) {
    const io::descriptor file{::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!file) throw error::system(errno, "making {}/{}", path, name);
    if (::fchmod(file.get(), 0644) != 0) throw error::system(errno, "setting the mode of {}/{}", path, name);
    write_all(file.get(), text, path);
}

} // namespace

std::string hosts_text(const container_record& of, std::string_view address, std::string_view host_gateway) {
    std::string text = "127.0.0.1\tlocalhost\n"
                       "::1\tlocalhost ip6-localhost ip6-loopback\n"
                       "fe00::\tip6-localnet\n"
                       "ff00::\tip6-mcastprefix\n"
                       "ff02::1\tip6-allnodes\n"
                       "ff02::2\tip6-allrouters\n";
    if (of.host.extra_hosts)
        for (const std::string& extra : *of.host.extra_hosts) {
            // Docker takes NAME:ADDRESS and NAME=ADDRESS.
            const auto separator = extra.find_first_of(":=");
            const std::string_view name = std::string_view{extra}.substr(0, separator);
            std::string_view target = std::string_view{extra}.substr(separator + 1);
            if (target == "host-gateway") target = host_gateway;
            if (target.starts_with('[') && target.ends_with(']')) target = target.substr(1, target.size() - 2);
            text += fmt::format("{}\t{}\n", target, name);
        }
    if (!address.empty()) {
        if (of.config.domain_name.empty())
            text += fmt::format("{}\t{}\n", address, of.config.hostname);
        else
            text +=
                fmt::format("{}\t{}.{} {}\n", address, of.config.hostname, of.config.domain_name, of.config.hostname);
    }
    return text;
}

std::string hostname_text(const container_record& of) {
    return of.config.hostname + "\n";
}

std::string resolv_conf_text(const container_record& of, std::string_view of_host) {
    const bool shares_network = of.host.network_mode == "host";
    std::string servers;
    std::string search;
    std::string options;
    while (!of_host.empty()) {
        const std::string_view line = next_line(of_host);
        const auto words = words_of(line);
        if (words.size() < 2) continue;
        if (words[0] == "nameserver") {
            if (shares_network || !is_loopback(words[1])) servers += fmt::format("nameserver {}\n", words[1]);
        } else if (words[0] == "search" || words[0] == "domain") {
            search = fmt::format("{}\n", line);
        } else if (words[0] == "options") {
            options += fmt::format("{}\n", line);
        }
    }
    if (of.host.dns && !of.host.dns->empty()) {
        servers.clear();
        for (const std::string& server : *of.host.dns) servers += fmt::format("nameserver {}\n", server);
    }
    // A host that resolves by itself has no server that a container could ask; Docker names these then, too.
    if (servers.empty()) servers = "nameserver 8.8.8.8\nnameserver 8.8.4.4\n";
    if (of.host.dns_search && !of.host.dns_search->empty()) {
        // A lone dot means: no search list.
        const bool is_none = of.host.dns_search->size() == 1 && of.host.dns_search->front() == ".";
        search = is_none ? "" : join("search", *of.host.dns_search);
    }
    if (of.host.dns_options && !of.host.dns_options->empty()) options = join("options", *of.host.dns_options);
    return servers + search + options;
}

void make_container_files(const std::string& directory, const container_files& files) {
    if (::mkdir(directory.c_str(), 0710) != 0) throw error::system(errno, "making {}", directory);
    const io::descriptor opened{::open(directory.c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC)};
    if (!opened) throw error::system(errno, "opening {}", directory);
    if (::fchmod(opened.get(), 0710) != 0) throw error::system(errno, "setting the mode of {}", directory);
    make_file(opened.get(), "hosts", files.hosts, directory);
    make_file(opened.get(), "resolv.conf", files.resolv_conf, directory);
    make_file(opened.get(), "hostname", files.hostname, directory); // never empty, and last
}

bool has_container_files(const std::string& directory) {
    struct stat facts{};
    return ::stat((directory + "/hostname").c_str(), &facts) == 0 && facts.st_size > 0;
}

void rewrite_hosts(const std::string& directory, const std::string& hosts) {
    const std::string path = directory + "/hosts";
    const io::descriptor file{::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!file) throw error::system(errno, "opening {}", path);
    write_all(file.get(), hosts, path);
    // Not emptied first: ext4 sends a file that was to the disk when it is closed, and every start would wait for that.
    if (::ftruncate(file.get(), static_cast<off_t>(hosts.size())) != 0) throw error::system(errno, "writing {}", path);
}

std::string read_host_file(const char* path) {
    const io::descriptor file{::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    std::string text;
    if (!file) return text;
    char block[4096];
    for (;;) {
        const ssize_t count = ::read(file.get(), block, sizeof block);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || text.size() + static_cast<std::size_t>(count) > host_file_limit) return text;
        text.append(block, static_cast<std::size_t>(count));
    }
}

} // namespace davit
