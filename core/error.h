#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace davit {

/// What a caller may do about an error. The API maps each category to one HTTP status, in one table (api/status.cpp).
enum class errc : std::uint8_t {
    invalid,         ///< The request or the data can't be right; asking again changes nothing.
    unauthenticated, ///< Credentials are missing or wrong.
    denied,          ///< Known, and not allowed.
    not_found,       ///< The named thing does not exist.
    conflict,        ///< The thing's present state forbids it; change that state first.
    unsupported,     ///< Understood, and not offered here.
    too_large,       ///< A documented bound was passed.
    unavailable,     ///< Somebody else failed (network, registry, a stopped part); asking again may help.
    timed_out,       ///< A time limit ended the wait.
    cancelled,       ///< The awaiting coroutine was cancelled. Never sent to a client.
    internal,        ///< A fault of the engine or of its host.
};

std::string_view to_string(errc category) noexcept;

/// The engine's one exception type: a category, a sentence, and the errno where the operating system said no.
/// The sentence says what was being done, with what, and what to do about it; context is added where it is known.
class error : public std::exception {
  public:
    template <class... Args> error(errc category, fmt::format_string<Args...> text, Args&&... args)
        : category_{category}, text_{fmt::format(text, std::forward<Args>(args)...)} {}

    /// For a failed system call: `number` is its errno, whose description ends the text, and gives the category: ENOENT
    /// and ENOTDIR not_found; EACCES, EPERM, EROFS denied; EEXIST, EBUSY, ENOTEMPTY conflict; ETIMEDOUT timed_out;
    /// ECANCELED cancelled; ECONNREFUSED and its like, EAGAIN unavailable; all others internal.
    template <class... Args> static error system(int number, fmt::format_string<Args...> text, Args&&... args) {
        return from_errno(number, fmt::format(text, std::forward<Args>(args)...));
    }

    errc category() const noexcept { return category_; }
    /// The errno of the failed call, 0 when no system call was involved.
    int system_errno() const noexcept { return errno_; }
    const std::string& text() const noexcept { return text_; }
    const char* what() const noexcept override { return text_.c_str(); }

    /// Puts what was being done before the text: "extracting layer 2 of alpine: <text>".
    template <class... Args> void while_doing(fmt::format_string<Args...> text, Args&&... args) {
        text_ = fmt::format(text, std::forward<Args>(args)...) + ": " + text_;
    }

  private:
    static error from_errno(int number, std::string text);

    errc category_;
    int errno_ = 0;
    std::string text_;
};

} // namespace davit
