#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {

/// The text of the error that a call ends with; empty when it ends with none. With `expected` the error must be of that
/// category.
std::string refusal_of(auto call, std::optional<errc> expected = {}) {
    try {
        call();
    } catch (const error& refused) {
        if (expected) EXPECT_EQ(refused.category(), *expected) << refused.text();
        return refused.text();
    }
    return {};
}

} // namespace davit
