#include "libcr/files/survey.h"

#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/unsupported.h"

namespace cr::files
{

std::vector<SurveyRow> survey()
{
    std::vector<SurveyRow> out;
    for (const Kind *kind : kinds())
        out.push_back({kind->name, kind->kept, kind->lost ? kind->lost() : "", ""});
    for (auto &[name, refusal] : all_unsupported())
        out.push_back({name, "", "", refusal});
    return out;
}

} // namespace cr::files
