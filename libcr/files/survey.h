// What becomes of each kind of descriptor on this kernel: for people who want to know before they dump.
#pragma once

#include <string>
#include <vector>

namespace cr::files
{

struct SurveyRow {
    std::string name;
    std::string kept;    // empty: it is refused
    std::string lost;    // what is not kept
    std::string refused; // why, and what to do
};

std::vector<SurveyRow> survey();

} // namespace cr::files
