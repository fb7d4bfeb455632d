// BPF maps: tables in the kernel that programs share with each other and with BPF programs. What a map is bpf(2) tells of a
// copy of its descriptor, what is in it is read by the same call. A new one is made, filled, and frozen if the old one was.
//
// Several descriptions may be of one map, with other rights; the first one makes it, the others open it by its id.
//
// Kept are the types of maps that hold nothing but bytes. Others hold programs, sockets, or other maps, or give out their
// contents only by losing them. A map that a BPF program uses would not be its map afterwards; so it is refused.
//
// A map may have names in a BPF file system (pins). On restore the map of that name is opened, with what is in it by now;
// where there is none, as after a reboot, the new map gets the name again.
//
// Image: bpfmap_file_entry, whose types (BTF) CRIU's message has no fields for; contents by the map's id in bpfmap-data, of
// large maps in several records.
#include "libcr/files/bpf_map.h"

#include "bpfmap-data.pb.h"
#include "libcr/base/error.h"
#include "libcr/base/log.h"
#include "libcr/base/subject.h"
#include "libcr/base/text.h"
#include "libcr/files/kinds.h"
#include "libcr/files/opener.h"
#include "libcr/files/plan.h"
#include "libcr/files/tree.h"
#include "libcr/proc/mountinfo.h"
#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/sys/bpf_map.h"
#include "libcr/sys/bpf_map_filler.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <set>

namespace cr::files
{

namespace
{

using Entry = img::bpfmap_file_entry;

struct Type {
    uint32_t number;
    const char *name;
    bool is_kept = false;
};

constexpr Type kTypes[] = {
    {1, "hash", true},
    {2, "array", true},
    {3, "prog_array"},
    {4, "perf_event_array"},
    {5, "percpu_hash", true},
    {6, "percpu_array", true},
    {7, "stack_trace"},
    {8, "cgroup_array"},
    {9, "lru_hash", true},
    {10, "lru_percpu_hash", true},
    {11, "lpm_trie", true},
    {12, "array_of_maps"},
    {13, "hash_of_maps"},
    {14, "devmap"},
    {15, "sockmap"},
    {16, "cpumap"},
    {17, "xskmap"},
    {18, "sockhash"},
    {19, "cgroup_storage"},
    {20, "reuseport_sockarray"},
    {21, "percpu_cgroup_storage"},
    {22, "queue"},
    {23, "stack"},
    {24, "sk_storage"},
    {25, "devmap_hash"},
    {26, "struct_ops"},
    {27, "ringbuf"},
    {28, "inode_storage"},
    {29, "task_storage"},
    {30, "bloom_filter"},
    {31, "user_ringbuf"},
    {32, "cgrp_storage"},
    {33, "arena"},
};

constexpr uint32_t kModes = BPF_F_RDONLY | BPF_F_WRONLY; // of a descriptor, not of the map

std::string name_of(uint32_t type)
{
    auto is_it = [&](const Type &t) { return t.number == type; };
    auto found = std::find_if(std::begin(kTypes), std::end(kTypes), is_it);
    return found == std::end(kTypes) ? cat(type) : found->name;
}

bool is_kept(uint32_t type)
{
    return std::any_of(std::begin(kTypes), std::end(kTypes),
                       [&](const Type &t) { return t.number == type && t.is_kept; });
}

bool claims(const Facts &f) { return f.is_anon("bpf-map"); }

std::optional<Blocker> blocker(const Facts &, const DumpOptions &) { return std::nullopt; }

std::optional<Blocker> look(const Facts &facts, int fd)
{
    bpf_map_info info = sys::bpf_map_info_of(fd);
    if (!is_kept(info.type))
        return blocker_of(facts, cat("BPF maps of type ", name_of(info.type), " cannot be saved"),
                          "close it before the dump");
    if (info.ifindex)
        return blocker_of(facts, "the BPF map is in a network device", "close it before the dump");
    return std::nullopt;
}

void capture(Capture &c)
{
    bpf_map_info info = sys::bpf_map_info_of(c.tree.take(c.facts()).get());
    const proc::FdInfo &fdinfo = c.facts().info;
    Entry &map = *c.entry().mutable_bpf();
    map.set_id(c.id());
    map.set_flags(c.flags());
    map.set_pos(fdinfo.pos);
    map.set_map_type(info.type);
    map.set_key_size(info.key_size);
    map.set_value_size(info.value_size);
    map.set_map_id(info.id);
    map.set_max_entries(info.max_entries);
    map.set_map_flags(info.map_flags);
    map.set_memlock(fdinfo.number("memlock"));
    map.set_frozen(fdinfo.field("frozen").value_or("0") != "0");
    map.set_map_name(std::string(info.name, ::strnlen(info.name, sizeof info.name)));
    map.set_ifindex(info.ifindex);
    map.set_map_extra(info.map_extra);
    if (info.btf_id) {
        map.set_cr_types(sys::bpf_types(info.btf_id));
        map.set_cr_key_type(info.btf_key_type_id);
        map.set_cr_value_type(info.btf_value_type_id);
    }
    if (info.map_flags & BPF_F_NUMA_NODE)
        log::warning(c.facts().subject(), ": the NUMA node that its memory is on is not kept");
    c.owner(*map.mutable_fown());
}

void write_contents(image::Writer &writer, int fd)
{
    bpf_map_info info = sys::bpf_map_info_of(fd);
    sys::read_bpf_map(fd, info, [&](const sys::BpfEntries &entries) {
        img::bpfmap_data_entry record;
        record.set_map_id(info.id);
        record.set_keys_bytes(static_cast<uint32_t>(entries.keys.size()));
        record.set_values_bytes(static_cast<uint32_t>(entries.values.size()));
        record.set_count(entries.count);
        writer.put(record);
        writer.put_raw(entries.keys.data(), entries.keys.size());
        writer.put_raw(entries.values.data(), entries.values.size());
    });
}

using Pins = std::map<uint32_t, std::vector<std::string>>; // by map id

void find_pins_below(const std::string &directory, Pins &pins)
{
    long r = sys::try_open_at(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (r < 0)
        return;
    Fd opened(static_cast<int>(r));
    for (const std::string &name : sys::names_in(opened.get(), directory)) {
        std::string path = cat(directory, directory.ends_with('/') ? "" : "/", name);
        auto st = sys::stat_at(opened.get(), name.c_str());
        if (st && S_ISDIR(st->st_mode))
            find_pins_below(path, pins);
        else if (Fd map(static_cast<int>(sys::pinned_bpf_map(path.c_str()))); map)
            pins[bpf_map_id(map.get())].push_back(path);
    }
}

Pins find_pins()
{
    Pins pins;
    for (const proc::Mount &mount : proc::mounts_of("self"))
        if (mount.type == "bpf") // of one file system each may show another part
            find_pins_below(mount.point, pins);
    return pins;
}

void write_pins(Tree &tree)
{
    std::optional<Pins> pins;
    for (Description &description : tree.descriptions()) {
        if (description.kind != &kBpfMap)
            continue;
        if (!pins)
            pins = find_pins();
        Entry &map = *description.entry.mutable_bpf();
        if (auto found = pins->find(map.map_id()); found != pins->end())
            map.mutable_cr_pins()->Assign(found->second.begin(), found->second.end());
    }
}

void finish(Tree &tree)
{
    write_pins(tree);
    std::set<uint32_t> written;
    std::optional<image::Writer> writer;
    for (const Description &description : tree.descriptions()) {
        if (description.kind != &kBpfMap || !written.insert(description.entry.bpf().map_id()).second)
            continue;
        auto what = [&] { return description.facts.subject(); };
        Subject subject(what);
        Fd fd = tree.take(description.facts);
        if ((description.entry.bpf().flags() & O_ACCMODE) == O_WRONLY)
            fd = Fd(static_cast<int>(sys::check(sys::bpf_map_by_id(description.entry.bpf().map_id(), BPF_F_RDONLY),
                                                "open the BPF map for reading")));
        if (!writer)
            writer.emplace(tree.images(), image::Kind::BpfmapData);
        write_contents(*writer, fd.get());
    }
    if (writer)
        writer->finish();
}

Common common(const img::file_entry &entry, const Plan &) { return {entry.bpf().flags(), &entry.bpf().fown()}; }

void check(const img::file_entry &entry, const Plan &plan)
{
    const Entry &map = entry.bpf();
    if (!entry.has_bpf() || map.map_name().size() >= BPF_OBJ_NAME_LEN || !map.value_size())
        bad_image("a BPF map without a possible part");
    if (!is_kept(map.map_type()))
        refused(cat("BPF maps of type ", name_of(map.map_type()), " are not supported"));
    for (const std::string &pin : map.cr_pins())
        if (!pin.starts_with('/') || pin.size() >= PATH_MAX || pin.find('\0') != pin.npos)
            bad_image("a BPF map without a possible name");
    auto contents = plan.bpf_maps().find(map.map_id());
    if (contents == plan.bpf_maps().end())
        return;
    uint64_t value_bytes = sys::bpf_value_bytes(map.map_type(), map.value_size());
    for (const BpfMapPiece &piece : contents->second) {
        if (piece.key_bytes != uint64_t{piece.count} * map.key_size() || piece.count > map.max_entries() ||
            piece.value_bytes % std::max(piece.count, 1u))
            bad_image(cat(piece.count, " entries of ", piece.key_bytes, " and ", piece.value_bytes,
                          " bytes in a BPF map of ", map.max_entries()));
        if (piece.value_bytes != piece.count * value_bytes)
            refused(cat("the values in it have ", piece.value_bytes / std::max(piece.count, 1u), " bytes, where they would have ",
                        value_bytes, " here"),
                    "restore it on a machine with as many CPUs as at the dump");
    }
}

// ---- restore ----

Fd create(const Entry &map)
{
    bpf_attr ask{};
    ask.map_type = map.map_type();
    ask.key_size = map.key_size();
    ask.value_size = map.value_size();
    ask.max_entries = map.max_entries();
    ask.map_flags = map.map_flags() & ~kModes;
    ask.map_extra = map.map_extra();
    std::memcpy(ask.map_name, map.map_name().data(), map.map_name().size());
    Fd types;
    if (!map.cr_types().empty()) {
        types = Fd(static_cast<int>(sys::check(sys::load_bpf_types(map.cr_types()), "load the types of a BPF map")));
        ask.btf_fd = static_cast<uint32_t>(types.get());
        ask.btf_key_type_id = map.cr_key_type();
        ask.btf_value_type_id = map.cr_value_type();
    }
    return Fd(static_cast<int>(sys::check(sys::bpf::command(BPF_MAP_CREATE, ask), [&] {
        return cat("make a BPF map of type ", name_of(map.map_type()), " for ", map.max_entries(), " entries");
    })));
}

sys::BpfEntries read_piece(const BpfMapPiece &piece, int image)
{
    sys::BpfEntries entries{std::string(piece.key_bytes, '\0'), std::string(piece.value_bytes, '\0'), piece.count};
    uint64_t at = piece.offset;
    for (std::string *part : {&entries.keys, &entries.values}) {
        if (sys::pread_up_to(image, part->data(), part->size(), at, "contents of a BPF map") != part->size())
            bad_image("the contents of a BPF map are missing");
        at += part->size();
    }
    return entries;
}

void fill(int fd, const std::vector<BpfMapPiece> &pieces, const image::Dir &images)
{
    constexpr int kTries = 4;
    Fd image = images.open_file(image::Kind::BpfmapData);
    sys::BpfMapFiller filler(fd);
    for (const BpfMapPiece &piece : pieces)
        filler.add(read_piece(piece, image.get()));
    uint64_t missing = filler.missing();
    for (int i = 0; missing && i < kTries; i++, missing = filler.missing())
        for (const BpfMapPiece &piece : pieces)
            filler.add_missing(read_piece(piece, image.get()));
    if (missing)
        log::warning("the kernel has given up ", missing, " entries of a BPF map (LRU) as it was filled");
}

// The map that has its name still, as others may use it, too.
Fd find_pinned(const Entry &map)
{
    for (const std::string &pin : map.cr_pins()) {
        Fd fd(static_cast<int>(sys::pinned_bpf_map(pin.c_str())));
        if (!fd)
            continue;
        bpf_map_info info = sys::bpf_map_info_of(fd.get());
        if (info.type != map.map_type() || info.key_size != map.key_size() || info.value_size != map.value_size() ||
            info.max_entries != map.max_entries())
            refused(cat("another BPF map has the name ", printable(pin)), "remove that name");
        return fd;
    }
    return Fd();
}

// A new map with everything in it, for reading and writing.
Fd make(const Entry &map, const Plan &plan)
{
    Fd fd = create(map);
    if (auto contents = plan.bpf_maps().find(map.map_id()); contents != plan.bpf_maps().end())
        fill(fd.get(), contents->second, plan.images());
    if (map.frozen()) {
        bpf_attr ask{};
        ask.map_fd = static_cast<uint32_t>(fd.get());
        sys::check(sys::bpf::command(BPF_MAP_FREEZE, ask), "freeze a BPF map");
    }
    return fd;
}

void open(const img::file_entry &entry, Opener &opener)
{
    const Entry &map = entry.bpf();
    Fd &known = opener.held("BPF map", map.map_id());
    uint32_t mode = map.flags() & O_ACCMODE;
    if (!known) {
        Fd made = find_pinned(map);
        if (!made)
            made = make(map, opener.plan);
        known = opener.aside(made.get());
        if (mode == O_RDWR)
            return opener.place(entry, std::move(made));
    }
    uint32_t wanted = mode == O_RDONLY ? BPF_F_RDONLY : mode == O_WRONLY ? BPF_F_WRONLY : 0;
    long fd = sys::bpf_map_by_id(bpf_map_id(known.get()), wanted);
    opener.place(entry, Fd(static_cast<int>(sys::check(fd, "open a BPF map by its id"))));
}

bool leads_to(const std::string &pin, int map)
{
    Fd fd(static_cast<int>(sys::pinned_bpf_map(pin.c_str())));
    return fd && bpf_map_id(fd.get()) == bpf_map_id(map);
}

// Names are given at last, since a restore that fails must leave none.
void let_go(Opener &opener)
{
    for (const img::file_entry &entry : opener.plan.entries())
        for (const std::string &pin : entry.bpf().cr_pins()) {
            bpf_attr ask{};
            ask.pathname = reinterpret_cast<uintptr_t>(pin.c_str());
            ask.bpf_fd = static_cast<uint32_t>(opener.plan.number(entry));
            long r = sys::bpf::command(BPF_OBJ_PIN, ask);
            if (r == -EEXIST && leads_to(pin, opener.plan.number(entry)))
                continue;
            if (r < 0)
                log::warning("a BPF map has not its name ", printable(pin), " any more: ", errno_text(static_cast<int>(-r)),
                             "; give it one by hand (bpftool map pin)");
        }
}

} // namespace

BpfMapContents read_bpf_map_contents(const image::Dir &images)
{
    BpfMapContents out;
    auto reader = image::RecordReader::open(images, image::Kind::BpfmapData);
    img::bpfmap_data_entry record;
    while (reader && reader->next(record)) {
        out[record.map_id()].push_back({reader->offset(), record.keys_bytes(), record.values_bytes(), record.count()});
        reader->skip(uint64_t{record.keys_bytes()} + record.values_bytes());
    }
    return out;
}

uint32_t bpf_map_id(int fd) { return sys::bpf_map_info_of(fd).id; }

void find_used_bpf_maps(const std::map<uint32_t, Facts> &maps, std::vector<Blocker> &out)
{
    if (maps.empty())
        return;
    auto used = sys::bpf_maps_of_programs();
    for (auto &[id, facts] : maps)
        if (!used)
            out.push_back(blocker_of(facts, "whether a BPF program uses this map, and would go on with the old one, cannot be told",
                                     "that needs CAP_SYS_ADMIN"));
        else if (auto program = used->find(id); program != used->end())
            out.push_back(blocker_of(facts, cat("the BPF program ", program->second, " uses this map, and would go on with the old one"),
                                     "end or detach that program before the dump"));
}

const Kind kBpfMap = {
    .name = "bpf-map",
    .type = img::BPFMAP,
    .claims = claims,
    .blocker = blocker,
    .capture = capture,
    .finish = finish,
    .common = common,
    .check = check,
    .open = open,
    .let_go = let_go,
    .look = look,
    .kept = "hashes, arrays, LRU and for each CPU, and tries: contents, types, name, frozen or not, pins",
    .lost = [] { return std::string("what of an LRU map was used when"); },
};

} // namespace cr::files
