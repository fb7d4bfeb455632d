// Our standard streams, put aside while a command runs in this process, and what it has said meanwhile: one
// JSON object a line.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/fd.h"

#include <array>
#include <cstdint>
#include <string>

namespace cr::tools
{

class Streams
{
  public:
    Streams();
    ~Streams() { end(); }
    Streams(const Streams &) = delete;
    Streams &operator=(const Streams &) = delete;

    // What descriptor `fd` of before is called now.
    int number_of(int fd) const;
    // Puts them back.
    void end();

    // After end(): the number that "name" was said to have on standard output, 0 if none.
    int64_t number_said(const std::string &name) const;
    // The first error; of that exit code where nothing was said about it.
    struct Failure {
        std::string sentence;
        int err = 0;
        Error::Kind kind = Error::Kind::Failed;
    };
    Failure failure(int code) const;
    const std::string &standard_error() const { return err_; }

  private:
    std::array<Fd, 3> aside_, during_;
    bool ended_ = false;
    std::string out_, err_;
};

} // namespace cr::tools
