#include "libcr/base/error.h"

#include "libcr/base/subject.h"

#include <cerrno>
#include <cstring>

namespace cr
{

std::string errno_text(int err)
{
    const char *text = ::strerrordesc_np(err);
    return text ? text : "error " + std::to_string(err);
}

std::string Error::sentence(Kind kind, int err, const std::string &attempted, const std::string &subject,
                            const std::string &remedy)
{
    std::string out = subject.empty() ? "" : subject + ": ";
    out += kind == Kind::Failed || kind == Kind::Overtaken ? "cannot " + attempted : attempted;
    if (err)
        out += ": " + errno_text(err);
    if (!remedy.empty())
        out += "; " + remedy;
    return out;
}

Error::Error(Kind kind, int err, std::string attempted, std::string remedy)
    : Error(kind, err, std::move(attempted), std::move(remedy), Subject::current())
{
}

Error::Error(Kind kind, int err, std::string attempted, std::string remedy, std::string subject)
    : std::runtime_error(sentence(kind, err, attempted, subject, remedy)), kind_(kind), err_(err),
      attempted_(std::move(attempted)), subject_(std::move(subject)), remedy_(std::move(remedy))
{
}

Error Error::with_subject(std::string subject) const
{
    return Error(kind_, err_, attempted_, remedy_, std::move(subject));
}

void failed(std::string attempted, std::string remedy)
{
    failed_with(errno, std::move(attempted), std::move(remedy));
}

// For failures that are the machine's, wherever they are met.
static const char *usual_remedy(int err)
{
    switch (err) {
    case ENOSPC:
        return "make room there, or use another directory";
    case EDQUOT:
        return "make room within the quota, or use another directory";
    case EROFS:
        return "use a directory that can be written";
    default:
        return "";
    }
}

void failed_with(int err, std::string attempted, std::string remedy)
{
    if (remedy.empty())
        remedy = usual_remedy(err);
    throw Error(Error::Kind::Failed, err, std::move(attempted), std::move(remedy));
}

Error refusal(std::string what, std::string remedy)
{
    return Error(Error::Kind::Refused, 0, std::move(what), std::move(remedy));
}

void refused(std::string what, std::string remedy)
{
    throw refusal(std::move(what), std::move(remedy));
}

void overtaken(std::string attempted, std::string remedy)
{
    throw Error(Error::Kind::Overtaken, 0, std::move(attempted), std::move(remedy));
}

void usage(std::string what, std::string remedy)
{
    throw Error(Error::Kind::Usage, 0, std::move(what), std::move(remedy));
}

void bad_image(std::string what, std::string remedy)
{
    throw Error(Error::Kind::Image, 0, std::move(what), std::move(remedy));
}

} // namespace cr
