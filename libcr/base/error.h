// The one exception type of the library. An Error says what was attempted, on which object (the Subjects that
// were on the stack as it was thrown), why (errno) and, where there is something to do about it, what.
// Library code throws and never prints; each tool catches once and prints one sentence (cli/report.h).
//
// A target that dies and a kernel that lacks a feature are ordinary values, not errors.
#pragma once

#include <stdexcept>
#include <string>

namespace cr
{

class Error : public std::runtime_error
{
  public:
    enum class Kind {
        Failed,    // a call failed or the system is in the way
        Refused,   // we decline on purpose: not supported, unsafe; the target was not touched
        Usage,     // the caller asked for something that makes no sense
        Image,     // bytes of an image are not what they must be
        Overtaken, // the target went on in a way that this cannot follow; a slower way can
    };

    // `attempted` completes "cannot ...": "open /x/y", "read the memory". `err` is an errno value or 0.
    Error(Kind kind, int err, std::string attempted, std::string remedy = {});

    Kind kind() const { return kind_; }
    int err() const { return err_; }
    const std::string &attempted() const { return attempted_; }
    const std::string &subject() const { return subject_; }
    const std::string &remedy() const { return remedy_; }

    // The same error about a subject that the thrower could not know (an error that crossed a pipe).
    Error with_subject(std::string subject) const;

  private:
    static std::string sentence(Kind kind, int err, const std::string &attempted, const std::string &subject,
                                const std::string &remedy);
    Error(Kind kind, int err, std::string attempted, std::string remedy, std::string subject);

    Kind kind_;
    int err_;
    std::string attempted_, subject_, remedy_;
};

// Each throws. failed() takes errno as it is now unless one is given.
[[noreturn]] void failed(std::string attempted, std::string remedy = {});
[[noreturn]] void failed_with(int err, std::string attempted, std::string remedy = {});
[[noreturn]] void refused(std::string what, std::string remedy = {});
// The same, not thrown: for those who collect them.
Error refusal(std::string what, std::string remedy = {});
[[noreturn]] void overtaken(std::string attempted, std::string remedy = {});
[[noreturn]] void usage(std::string what, std::string remedy = {});
[[noreturn]] void bad_image(std::string what, std::string remedy = {});

// "No such file or directory" for ENOENT.
std::string errno_text(int err);

} // namespace cr
