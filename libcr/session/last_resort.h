// Against being stuck in the kernel while a tree stands still, in a question about a file whose file system does not
// answer, say: a timer of the kernel's (timer_create(2)) kills us then, and with that lets the tree go on.
#pragma once

#include <chrono>
#include <ctime>

namespace cr::session
{

class LastResort
{
  public:
    // Does nothing where there is no timer to be had.
    explicit LastResort(std::chrono::seconds limit);
    LastResort(const LastResort &) = delete;
    LastResort &operator=(const LastResort &) = delete;
    ~LastResort();
    void begin_anew();

  private:
    const std::chrono::seconds limit_;
    timer_t timer_{};
    bool there_ = false;
};

} // namespace cr::session
