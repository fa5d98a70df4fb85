#pragma once

#include <cstddef>

#include "core/wait_list.h"

namespace davit {

/// One more in `number` for as long as it lives; whoever waits in `ended` is woken when it ends. Both outlive it.
class counted {
  public:
    counted(std::size_t& number, wait_list& ended) noexcept : number_{number}, ended_{ended} { ++number_; }
    ~counted() {
        --number_;
        ended_.wake_all();
    }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

  private:
    std::size_t& number_;
    wait_list& ended_;
};

} // namespace davit
