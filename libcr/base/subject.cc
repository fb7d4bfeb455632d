#include "libcr/base/subject.h"

namespace cr
{

thread_local const Subject *Subject::top_ = nullptr;

std::string Subject::current()
{
    std::string out;
    for (const Subject *s = top_; s; s = s->previous_) {
        std::string part = s->call_(s->object_);
        out = out.empty() ? part : part + ", " + out;
    }
    return out;
}

} // namespace cr
