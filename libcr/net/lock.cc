#include "libcr/net/lock.h"

#include "libcr/base/error.h"
#include "libcr/sys/gate.h"
#include "libcr/sys/inet_address.h"
#include "libcr/sys/nftables.h"

#include <netinet/in.h> // before linux/in.h

#include <algorithm>
#include <cstring>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <vector>

namespace cr::net
{

namespace
{

using sys::Attributes;
using sys::Transaction;

constexpr size_t kElementsInMessage = 1000;                  // an attribute has at most 64 KiB
constexpr uint32_t kTypeV4 = 7, kTypeV6 = 8, kTypePort = 13; // of the tool nft, which shows sets by them
constexpr uint32_t kFirst = NFT_REG32_00;

struct Family {
    const char *set;
    uint8_t family;
    uint32_t type;
    uint32_t address_size, source_at; // in the IP header; the destination follows
    uint32_t key_size() const { return 2 * (address_size + 4); }
    uint32_t key_type() const { return type << 18 | kTypePort << 12 | type << 6 | kTypePort; }
};
constexpr Family kV4{"conns4", NFPROTO_IPV4, kTypeV4, 4, 12}, kV6{"conns6", NFPROTO_IPV6, kTypeV6, 16, 8};

std::string key_of(const sys::InetEnd &source, const sys::InetEnd &destination)
{
    std::string out;
    for (const sys::InetEnd *end : {&source, &destination}) {
        out += end->address;
        out.append(reinterpret_cast<const char *>(&end->port), 2);
        out.append(2, '\0');
    }
    return out;
}

// ---- what a table consists of ----

void add_table(Transaction &to, const std::string &table, Lifetime lifetime)
{
    Attributes out;
    out.text(NFTA_TABLE_NAME, table);
    out.number(NFTA_TABLE_FLAGS, lifetime == Lifetime::OfSocket ? NFT_TABLE_F_OWNER : 0);
    to.add(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, out);
}

void add_chain(Transaction &to, const std::string &table, const char *name, uint32_t hook, int priority)
{
    Attributes where, out;
    where.number(NFTA_HOOK_HOOKNUM, hook).number(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
    out.text(NFTA_CHAIN_TABLE, table).text(NFTA_CHAIN_NAME, name).nested(NFTA_CHAIN_HOOK, where);
    out.text(NFTA_CHAIN_TYPE, "filter");
    to.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, out);
}

void add_set(Transaction &to, const std::string &table, const Family &family, uint32_t id, size_t size)
{
    Attributes description, out;
    description.number(NFTA_SET_DESC_SIZE, static_cast<uint32_t>(size));
    out.text(NFTA_SET_TABLE, table).text(NFTA_SET_NAME, family.set).number(NFTA_SET_ID, id);
    out.number(NFTA_SET_FLAGS, 0).number(NFTA_SET_KEY_TYPE, family.key_type());
    out.number(NFTA_SET_KEY_LEN, family.key_size()).nested(NFTA_SET_DESC, description);
    to.add(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, out);
}

void add_elements(Transaction &to, const std::string &table, const Family &family, uint32_t id,
                  std::span<const std::string> keys)
{
    Attributes list, out;
    for (const std::string &key : keys) {
        Attributes value, element;
        value.bytes(NFTA_DATA_VALUE, key);
        element.nested(NFTA_SET_ELEM_KEY, value);
        list.nested(NFTA_LIST_ELEM, element);
    }
    out.text(NFTA_SET_ELEM_LIST_TABLE, table).text(NFTA_SET_ELEM_LIST_SET, family.set);
    out.number(NFTA_SET_ELEM_LIST_SET_ID, id).nested(NFTA_SET_ELEM_LIST_ELEMENTS, list);
    to.add(NFT_MSG_NEWSETELEM, NLM_F_CREATE, out);
}

// ---- rules: lists of expressions ----

void expression(Attributes &to, const char *name, const Attributes &data)
{
    Attributes out;
    out.text(NFTA_EXPR_NAME, name).nested(NFTA_EXPR_DATA, data);
    to.nested(NFTA_LIST_ELEM, out);
}

void load_meta(Attributes &to, uint32_t key)
{
    expression(to, "meta", Attributes().number(NFTA_META_KEY, key).number(NFTA_META_DREG, kFirst));
}

void must_be(Attributes &to, std::string_view value)
{
    Attributes data, out;
    data.bytes(NFTA_DATA_VALUE, value);
    out.number(NFTA_CMP_SREG, kFirst).number(NFTA_CMP_OP, NFT_CMP_EQ).nested(NFTA_CMP_DATA, data);
    expression(to, "cmp", out);
}

void load(Attributes &to, uint32_t base, uint32_t offset, uint32_t size, uint32_t reg)
{
    Attributes out;
    out.number(NFTA_PAYLOAD_DREG, reg).number(NFTA_PAYLOAD_BASE, base);
    out.number(NFTA_PAYLOAD_OFFSET, offset).number(NFTA_PAYLOAD_LEN, size);
    expression(to, "payload", out);
}

void verdict(Attributes &to, uint32_t code)
{
    Attributes inner, data, out;
    inner.number(NFTA_VERDICT_CODE, code);
    data.nested(NFTA_DATA_VERDICT, inner);
    out.number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT).nested(NFTA_IMMEDIATE_DATA, data);
    expression(to, "immediate", out);
}

void add_rule(Transaction &to, const std::string &table, const char *chain, const Attributes &expressions)
{
    Attributes out;
    out.text(NFTA_RULE_TABLE, table).text(NFTA_RULE_CHAIN, chain);
    out.nested(NFTA_RULE_EXPRESSIONS, expressions);
    to.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, out);
}

void let_marked_pass(Transaction &to, const std::string &table, const char *chain)
{
    Attributes out;
    load_meta(out, NFT_META_MARK);
    must_be(out, {reinterpret_cast<const char *>(&sys::kPassMark), sizeof sys::kPassMark});
    verdict(out, NF_ACCEPT);
    add_rule(to, table, chain, out);
}

void drop_members(Transaction &to, const std::string &table, const char *chain, const Family &family,
                  uint32_t id)
{
    Attributes out, lookup;
    const uint32_t words = family.address_size / 4;
    const char tcp = IPPROTO_TCP;
    load_meta(out, NFT_META_NFPROTO);
    must_be(out, {reinterpret_cast<const char *>(&family.family), 1});
    load_meta(out, NFT_META_L4PROTO);
    must_be(out, {&tcp, 1});
    load(out, NFT_PAYLOAD_NETWORK_HEADER, family.source_at, family.address_size, kFirst);
    load(out, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, kFirst + words);
    load(out, NFT_PAYLOAD_NETWORK_HEADER, family.source_at + family.address_size, family.address_size,
         kFirst + words + 1);
    load(out, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, kFirst + 2 * words + 1);
    lookup.text(NFTA_LOOKUP_SET, family.set).number(NFTA_LOOKUP_SET_ID, id);
    lookup.number(NFTA_LOOKUP_SREG, kFirst);
    expression(out, "lookup", lookup);
    verdict(out, NF_DROP);
    add_rule(to, table, chain, out);
}

} // namespace

void lock(int nftables, const std::string &table, std::span<const Connection> connections, Lifetime lifetime)
{
    std::vector<std::string> keys[2];
    for (const Connection &connection : connections) {
        sys::InetEnd local = sys::inet_end(connection.local), peer = sys::inet_end(connection.peer);
        auto &to = keys[local.address.size() == kV6.address_size];
        to.push_back(key_of(local, peer));
        to.push_back(key_of(peer, local));
    }
    Transaction to;
    add_table(to, table, lifetime);
    constexpr std::pair<const char *, int> kChains[] = {{"input", 300}, {"output", -300}};
    for (auto [chain, priority] : kChains) {
        bool in = chain == kChains[0].first;
        add_chain(to, table, chain, in ? NF_INET_LOCAL_IN : NF_INET_LOCAL_OUT, priority);
        let_marked_pass(to, table, chain);
    }
    for (const Family *family : {&kV4, &kV6}) {
        uint32_t id = family == &kV4 ? 1 : 2;
        std::span<const std::string> all = keys[id - 1];
        if (all.empty())
            continue;
        add_set(to, table, *family, id, all.size());
        for (size_t at = 0; at < all.size(); at += kElementsInMessage)
            add_elements(to, table, *family, id,
                         all.subspan(at, std::min(kElementsInMessage, all.size() - at)));
        for (auto [chain, priority] : kChains)
            drop_members(to, table, chain, *family, id);
    }
    long r = to.run(nftables);
    if (r == -EEXIST && lifetime == Lifetime::Lasting)
        return;
    if (r < 0)
        throw Error(Error::Kind::Failed, static_cast<int>(-r),
                    cat("lock the network (nftables, table inet ", table, ")"),
                    "--network-lock skip goes without, at the risk of the connections");
}

void unlock(int nftables, const std::string &table)
{
    Transaction to;
    to.add(NFT_MSG_DELTABLE, 0, Attributes().text(NFTA_TABLE_NAME, table));
    long r = to.run(nftables);
    if (r != -ENOENT)
        sys::check(r, [&] { return cat("unlock the network (nftables, table inet ", printable(table), ")"); });
}

} // namespace cr::net
