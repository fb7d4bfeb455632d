// One image file of any kind, by its magic, as cr-show reads it.
#include "libcr/base/text.h"
#include "libcr/show/show.h"
#include "tests/fuzz/target.h"

using namespace cr;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const show::Messages messages;
    Fd file = fuzz::file_of(fuzz::text_of(data, size));
    std::string path = cat("/proc/self/fd/", file.get());
    for (show::Style style : {show::Style::Symbolic, show::Style::Plain, show::Style::Text})
        fuzz::tolerate([&] { show::show_file(messages, path, style, [](std::string_view) {}); });
    return 0;
}
