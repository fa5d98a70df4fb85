#pragma once

namespace davit {

/// A link in one intrusive_list; an object is in at most one list for each link it derives from (told apart by `Tag`).
/// The list owns nothing: whoever is linked unlinks itself before it ends.
template <class Tag> class list_link {
  public:
    list_link() = default;
    list_link(const list_link&) = delete;
    list_link& operator=(const list_link&) = delete;

    bool is_linked() const noexcept { return next_ != nullptr; }

    void unlink() noexcept {
        if (!next_) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

  protected:
    ~list_link() { unlink(); }

  private:
    template <class, class> friend class intrusive_list;
    list_link* next_ = nullptr;
    list_link* previous_ = nullptr;
};

/// A doubly linked list through the elements themselves: constant-time push, pop and unlink, no allocation.
template <class T, class Tag = T> class intrusive_list {
    using link = list_link<Tag>;

  public:
    intrusive_list() noexcept { head_.next_ = head_.previous_ = &head_; }

    bool is_empty() const noexcept { return head_.next_ == &head_; }

    void push_back(T& element) noexcept {
        link& added = element;
        added.previous_ = head_.previous_;
        added.next_ = &head_;
        head_.previous_->next_ = &added;
        head_.previous_ = &added;
    }

    T* front() noexcept { return is_empty() ? nullptr : static_cast<T*>(head_.next_); }

    /// Unlinks and returns the first element; null when there is none.
    T* pop_front() noexcept {
        T* first = front();
        if (first) static_cast<link&>(*first).unlink();
        return first;
    }

    /// Moves all elements of `other` to the end of this list.
    void take_all(intrusive_list& other) noexcept {
        while (T* moved = other.pop_front()) push_back(*moved);
    }

  private:
    struct sentinel : link {};
    sentinel head_;
};

} // namespace davit
