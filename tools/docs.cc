// Writes what is made from the option table while building: manual pages out of the templates in man/, and
// the shell's completion. Not installed.
//
//     docs man TEMPLATE        a page named after a tool, with .%SYNOPSIS and .%OPTIONS filled in
//     docs completion
//     docs tools               the names of all tools
#include "libcr/cli/help.h"

#include <fstream>
#include <iostream>
#include <string>

namespace
{

int man(const std::string &path)
{
    std::ifstream page(path);
    std::string name = path.substr(path.rfind('/') + 1);
    name.resize(name.rfind('.'));
    for (std::string line; std::getline(page, line);) {
        if (line == ".%SYNOPSIS")
            std::cout << cr::cli::man_synopsis(cr::cli::tool(name));
        else if (line == ".%OPTIONS")
            std::cout << cr::cli::man_options(cr::cli::tool(name));
        else
            std::cout << line << '\n';
    }
    return page.eof() && std::cout.flush() ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
    std::string what = argc > 1 ? argv[1] : "";
    if (what == "man" && argc == 3)
        return man(argv[2]);
    if (what == "completion")
        std::cout << cr::cli::completion_script();
    else if (what == "tools")
        for (const auto &tool : cr::cli::tools())
            std::cout << tool.name << '\n';
    else
        return 1;
    return std::cout.flush() ? 0 : 1;
}
