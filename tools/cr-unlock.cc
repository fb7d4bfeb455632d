// cr-unlock: removes the network lock of a dump whose images are not restored on this machine.
#include "libcr/cli/options.h"
#include "libcr/cli/report.h"
#include "libcr/image/seal.h"
#include "libcr/net/lock.h"
#include "libcr/restore/network.h"
#include "libcr/sys/nftables.h"

#include <cstdio>

using namespace cr;

namespace
{

int unlock(const cli::Common &options)
{
    std::string table = restore::lasting_lock(image::open_complete(options.images_dir).inventory);
    if (!table.empty())
        net::unlock(sys::open_nftables().get(), table);
    if (options.json)
        puts("{\"unlocked\":true}");
    return cli::kOk;
}

} // namespace

int cr_unlock_main(int argc, char **argv);
int cr_unlock_main(int argc, char **argv)
{
    return cli::run("cr-unlock", argc, argv,
                    [](const cli::Parsed &parsed) { return unlock(cli::common_options(parsed)); });
}
