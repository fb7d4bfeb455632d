#include "libcr/restore/network.h"

#include "libcr/base/error.h"
#include "libcr/base/insist.h"
#include "libcr/base/log.h"
#include "libcr/base/text.h"
#include "libcr/files/inet_socket.h"
#include "libcr/net/lock.h"
#include "libcr/sys/nftables.h"
#include "libcr/sys/random.h"
#include "rpc.pb.h"

namespace cr::restore
{

std::string lasting_lock(const img::inventory_entry &inventory)
{
    // CRIU's name for it is the same.
    if (inventory.network_lock_method() != img::NFTABLES || inventory.dump_criu_run_id().empty())
        return {};
    std::string name = net::lasting_table(inventory.dump_criu_run_id());
    if (inventory.has_cr_network_lock() && inventory.cr_network_lock() != name)
        bad_image("a network lock of another name");
    return name;
}

NetworkLock::NetworkLock(const img::inventory_entry &inventory, const files::Plan &files)
{
    std::vector<net::Connection> connections;
    for (auto &[local, peer] : files::outer_connections(files))
        connections.push_back({local, peer});
    has_connections_ = !connections.empty();
    lasting_ = lasting_lock(inventory);
    if (has_connections_ && inventory.network_lock_method() != img::SKIP) {
        nftables_ = sys::open_nftables();
        // Pids are none: other namespaces of them may share this network.
        own_ = cat("cr-restore-", hex(sys::random_number()));
        net::lock(nftables_.get(), own_, connections, net::Lifetime::OfSocket);
    } else if (!lasting_.empty()) {
        try {
            nftables_ = sys::open_nftables();
        } catch (const Error &error) {
            log::warning(error.what(), ": if the dump was made here, its table ", lasting_, " stays");
        }
    }
}

void NetworkLock::end()
{
    if (!nftables_)
        return;
    for (const std::string &table : {lasting_, own_})
        try {
            if (!table.empty())
                insist([&] { net::unlock(nftables_.get(), table); });
        } catch (const Error &error) {
            log::warning(error.what(), ": it stays locked (nft delete table inet ", printable(table), ")");
        }
}

} // namespace cr::restore
