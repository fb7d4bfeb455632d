// What is being worked on, for error sentences. A Subject on the stack adds one part to the subject of every
// Error thrown below it: Subject a("pid ", 42); Subject b("fd ", 5, " (timerfd)") makes
// "pid 42, fd 5 (timerfd)". Parts are kept as text only while an Error is being made: making a Subject
// costs a few stores, so hot loops may have one.
#pragma once

#include <functional>
#include <string>

namespace cr
{

class Subject
{
  public:
    // `describe` is called only when an Error is thrown below; what it refers to must outlive the Subject.
    template <class Describe> explicit Subject(const Describe &describe) : previous_(top_)
    {
        object_ = &describe;
        call_ = [](const void *object) { return std::string((*static_cast<const Describe *>(object))()); };
        top_ = this;
    }
    explicit Subject(const std::string &text) : previous_(top_)
    {
        object_ = &text;
        call_ = [](const void *object) { return *static_cast<const std::string *>(object); };
        top_ = this;
    }
    template <class Describe> explicit Subject(const Describe &&) = delete;
    ~Subject() { top_ = previous_; }
    Subject(const Subject &) = delete;
    Subject &operator=(const Subject &) = delete;

    // "pid 42, fd 5 (timerfd)", outermost first; empty when there is none.
    static std::string current();

  private:
    const Subject *previous_;
    const void *object_;
    std::string (*call_)(const void *);
    static thread_local const Subject *top_;
};

} // namespace cr
