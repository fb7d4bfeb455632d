// cr-check-cpu: whether this CPU can run what is in the images. Two things tell: cpuinfo.img, which has what
// the CPU of the dump could do and so what the programs may use, and the registers of each thread, which they
// do use.
#include "libcr/base/error.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/reader.h"
#include "libcr/task/cpu.h"
#include "libcr/task/registers.h"

#include <cstdio>

using namespace cr;

namespace
{

// How many threads have registers that this CPU has, too. Throws at the first that has others.
size_t check_registers(const image::Dir &dir)
{
    size_t threads = 0;
    for (const image::Dir::File &file : dir.files()) {
        if (file.kind != image::Kind::Core)
            continue;
        auto name = [&] { return file.name; };
        Subject subject(name);
        auto core = image::read_one<img::core_entry>(dir, file.kind, file.id);
        if (!core.has_thread_info())
            continue;
        task::get_xsave(core.thread_info().fpregs());
        threads++;
    }
    return threads;
}

void report(bool recorded, size_t threads, bool json)
{
    if (json)
        printf("{\"good\":true,\"cpuinfo\":%s,\"threads\":%zu}\n", recorded ? "true" : "false", threads);
    else if (recorded)
        printf("This CPU has what the images need (%zu threads, and cpuinfo.img).\n", threads);
    else
        printf("This CPU has the registers that %zu threads use; there is no cpuinfo.img to tell which "
               "instructions.\n",
               threads);
}

int check(const cli::CpuOptions &options)
{
    image::Dir dir = image::Dir::open(options.images_dir);
    if (options.record) {
        task::write_cpuinfo(dir);
        return cli::kOk;
    }
    bool recorded = dir.has(image::Kind::Cpuinfo);
    if (recorded)
        task::check_cpuinfo(dir, options.cpu_cap & kCpuEverything ? options.cpu_cap | kCpuImage : 0);
    size_t threads = check_registers(dir);
    if (!recorded && !threads)
        failed_with(0, cat("find an image that tells about a CPU in ", printable(dir.path())));
    report(recorded, threads, options.json);
    return cli::kOk;
}

} // namespace

int cr_check_cpu_main(int argc, char **argv);
int cr_check_cpu_main(int argc, char **argv)
{
    return cli::run("cr-check-cpu", argc, argv,
                    [](const cli::Parsed &parsed) { return check(cli::cpu_options(parsed)); });
}
