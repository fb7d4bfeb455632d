// What every fuzz target has: bytes come in, an Error is a fine answer, anything else is a find. The same file is
// linked with libFuzzer (./dev fuzz) and with driver.cc, which runs the stored inputs as an ordinary test.
#pragma once

#include "libcr/base/error.h"
#include "libcr/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace cr::fuzz
{

inline std::string_view text_of(const uint8_t *data, size_t size)
{
    return {reinterpret_cast<const char *>(data), size};
}

template <class Run> void tolerate(Run run)
{
    try {
        run();
    } catch (const Error &) {
    }
}

// A file with these bytes, positioned at its beginning.
inline Fd file_of(std::string_view bytes)
{
    Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
    if (!fd || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        ::abort();
    ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

} // namespace cr::fuzz
