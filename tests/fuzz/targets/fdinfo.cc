// Texts of /proc/PID/fdinfo/N, whatever kernel wrote them, and the lines in them that have parsers of their own.
#include "libcr/files/locks.h"
#include "libcr/files/proc_file.h"
#include "libcr/files/watched.h"
#include "libcr/proc/fdinfo.h"
#include "tests/fuzz/target.h"

#include "fh.pb.h"
#include "file-lock.pb.h"

using namespace cr;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    std::string text(fuzz::text_of(data, size));
    fuzz::tolerate([&] {
        proc::FdInfo info = proc::parse_fdinfo(text);
        for (const char *key : {"eventfd-count", "clockid", "settime flags", "ticks", "Pid", "sigmask", "tty-index"})
            fuzz::tolerate([&] { info.number(key, 16); });
        for (std::string_view line : info.fields("lock"))
            fuzz::tolerate([&] { files::parse_lock(line, info.flags); });
        for (const char *key : {"inotify wd", "fanotify ino", "tfd"})
            for (std::string_view line : info.fields(key))
                fuzz::tolerate([&] {
                    img::fh_entry handle;
                    files::parse_handle(line, handle);
                });
    });
    fuzz::tolerate([&] { files::Locks::parse(text); });
    fuzz::tolerate([&] { files::parse_proc_name(text); });
    return 0;
}
