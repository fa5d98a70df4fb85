#pragma once

#include "core/intrusive_list.h"

namespace davit {

/// Whether a part of the coroutine tree is to end. Nodes form a tree beside the scopes; a request reaches the whole
/// subtree, at once, by calling each suspended await's hook. It is cooperative: the await resumes its coroutine with
/// errc::cancelled, and unwinding does the rest.
class cancellation : public list_link<cancellation> {
  public:
    /// A suspended await that wants to be told. Called at most once, then unlinked.
    class hook : public list_link<hook> {
      public:
        virtual void cancel_requested() noexcept = 0;

      protected:
        ~hook() = default;
    };

    /// A node below `parent`; a root when null. A root is also what shields clean-up from the caller's cancellation.
    explicit cancellation(cancellation* parent = nullptr) noexcept;

    bool is_requested() const noexcept { return is_requested_; }
    /// Requests the end of everything below this node. No effect the second time.
    void request() noexcept;

    /// Throws errc::cancelled when the end was requested.
    void throw_if_requested() const;
    void add(hook& waiting) noexcept { hooks_.push_back(waiting); }

  private:
    intrusive_list<hook> hooks_;
    intrusive_list<cancellation> children_;
    bool is_requested_ = false;
};

} // namespace davit
