// Writes cr-images(5) while building, out of its template, the catalog of images and the .proto files with
// their comments, so that the page cannot say anything else than what is read and written. Not installed.
//
//     docs-images TEMPLATE DESCRIPTORS
#include "libcr/base/text.h"
#include "libcr/image/catalog.h"

#include <algorithm>
#include <fstream>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace cr;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using image::Entry;
using image::Kind;

namespace
{

constexpr int kFirstOwn = 5000;

struct About {
    const char *id; // what the number in the name is
    const char *text;
};

About about(Kind kind)
{
    switch (kind) {
        // clang-format off
    case Kind::Inventory: return {"", "What the checkpoint is; written last."};
    case Kind::Pstree: return {"", "The tasks, parents first, with their process groups, sessions and threads."};
    case Kind::Core: return {"TID", "Registers, signals, credentials, scheduling of a thread; of a leader also what the whole task has."};
    case Kind::Ids: return {"PID", "Which memory, descriptors and namespaces tasks share: equal numbers are one object."};
    case Kind::Mm: return {"PID", "The layout of memory and every mapping."};
    case Kind::Pagemap: return {"PID", "Which pages of a task are stored."};
    case Kind::PagemapShmem: return {"ID", "Which pages of a shared memory object or memfd are stored."};
    case Kind::Pages: return {"N", "Contents of pages."};
    case Kind::Fdinfo: return {"N", "A table of descriptors (files_id of the task): number, flags, which file."};
    case Kind::Files: return {"", "Every open file description, of every type."};
    case Kind::Fs: return {"PID", "Working directory, root directory, umask."};
    case Kind::PipesData: return {"", "What is in pipes."};
    case Kind::FifoData: return {"", "What is in named pipes."};
    case Kind::SkQueues: return {"", "Packets waiting in sockets."};
    case Kind::TcpStream: return {"INODE", "State and queues of a connection."};
    case Kind::TtyInfo: return {"", "Terminals."};
    case Kind::TtyData: return {"", "What waits to be read in terminals."};
    case Kind::RemapFpath: return {"", "Files whose name is gone, and what stands in for them."};
    case Kind::GhostFile: return {"ID", "A file that has no name any more, with its contents."};
    case Kind::Memfd: return {"", "Memory files."};
    case Kind::BpfmapData: return {"", "Contents of BPF maps."};
    case Kind::Filelocks: return {"", "Locks on files."};
    case Kind::Seccomp: return {"", "Filters of system calls; threads refer to them by index."};
    case Kind::Apparmor: return {"", "AppArmor's namespaces and policies."};
    case Kind::Cgroup: return {"", "Control groups and who is in them."};
    case Kind::Cpuinfo: return {"", "Features of the processor."};
    case Kind::Utsns: return {"NS", "Host and domain name."};
    case Kind::IpcnsVar: return {"NS", "Limits of System V IPC and message queues."};
    case Kind::IpcnsShm: return {"NS", "System V shared memory."};
    case Kind::IpcnsMsg: return {"NS", "System V message queues."};
    case Kind::IpcnsSem: return {"NS", "System V semaphores."};
    case Kind::Userns: return {"NS", "Maps of users and groups."};
    case Kind::Timens: return {"NS", "Offsets of clocks."};
    case Kind::Pidns: return {"NS", "A pid namespace from outside."};
    case Kind::Mountpoints: return {"NS", "Mounts."};
    case Kind::Netns: return {"NS", "Settings of a network namespace."};
    case Kind::Netdev: return {"NS", "Network devices."};
    case Kind::Ifaddr: return {"NS", "Addresses, as ip address save has them."};
    case Kind::Route: return {"NS", "Routes, as ip route save has them."};
    case Kind::Route6: return {"NS", "Routes of IPv6."};
    case Kind::Rule: return {"NS", "Routing rules, as ip rule save has them."};
    case Kind::Iptables: return {"NS", "The text of iptables-save."};
    case Kind::Ip6tables: return {"NS", "The text of ip6tables-save."};
    case Kind::Nftables: return {"NS", "The text of nft list ruleset."};
    case Kind::NetnsCt: return {"NS", "Tracked connections, as netlink messages."};
    case Kind::NetnsExp: return {"NS", "Expected connections, as netlink messages."};
    case Kind::TmpfsDev: return {"DEV", "Contents of a tmpfs: tar, packed by gzip."};
    case Kind::Autofs: return {"DEV", "An autofs mount."};
    case Kind::BinfmtMisc: return {"", "Registered binary formats."};
    case Kind::StatsDump: return {"", "Times and sizes of the dump."};
    case Kind::StatsRestore: return {"", "Times and sizes of the restore."};
    case Kind::IrmapCache: return {"", "Paths of watched inodes, found by a pre-dump."};
    case Kind::SignalShared: case Kind::SignalPrivate: case Kind::Sigacts: case Kind::Itimers:
    case Kind::PosixTimers: case Kind::Creds: case Kind::Vmas: case Kind::Rlimit: return {"PID", nullptr};
    case Kind::Tmpfs: return {"MOUNT", nullptr};
    case Kind::BinfmtMiscOld: return {"DEV", nullptr};
    default: return {"", nullptr};
        // clang-format on
    }
}

class Page
{
  public:
    explicit Page(const google::protobuf::DescriptorPool &pool) : pool_(pool) {}

    void fill(std::istream &in, std::ostream &out) const
    {
        for (std::string line; std::getline(in, line);) {
            if (line == ".%FILES")
                files(out);
            else if (line == ".%OWN")
                own(out);
            else if (line == ".%MESSAGES")
                messages(out);
            else if (line == ".%ENUMERATIONS")
                enumerations(out);
            else
                out << line << '\n';
        }
    }

  private:
    const Descriptor &find(const char *name) const
    {
        const Descriptor *found = pool_.FindMessageTypeByName(cat("cr.img.", name));
        if (!found)
            throw std::runtime_error(cat("no message ", name));
        return *found;
    }

    static std::string content(const Entry &e)
    {
        if (e.framing == image::Framing::Raw)
            return "raw";
        std::string out = e.framing == image::Framing::Service ? "service, " : "";
        out += cat("magic 0x", hex(e.magic), "; ", e.head ? cat(e.head, ", then ") : "", e.message);
        out += e.records == image::Records::Array ? " ..." : "";
        return out + (e.payload ? ", payload" : "");
    }

    static void file(const Entry &e, std::ostream &out)
    {
        About a = about(e.kind);
        out << ".It Pa " << e.stem << (e.id == image::Id::None ? "" : a.id) << e.suffix
            << (e.id == image::Id::Hex ? " (hexadecimal)" : "") << '\n';
        if (a.text)
            out << a.text << "\n.br\n";
        out << content(e) << '\n';
    }

    static void files(std::ostream &out)
    {
        out << ".Ss Files that are written\n.Bl -tag -width Ds\n";
        for (const Entry &e : image::catalog())
            if (!e.legacy)
                file(e, out);
        out << ".El\n.Ss Files of old directories\nThese are read, not written: their content is in\n"
               ".Pa files.img , core-TID.img\nand\n.Pa mm-PID.img\nnow.\n.Bl -tag -width Ds\n";
        for (const Entry &e : image::catalog())
            if (e.legacy)
                file(e, out);
        out << ".El\n";
    }

    // Every message of an image, those within right after the first that has them.
    std::vector<const Descriptor *> all() const
    {
        std::vector<const Descriptor *> out;
        for (const Entry &e : image::catalog())
            for (const char *name : {e.head, e.message})
                if (name)
                    add(find(name), out);
        add(find("ipc_msg"), out);
        return out;
    }

    static void add(const Descriptor &type, std::vector<const Descriptor *> &out)
    {
        if (std::find(out.begin(), out.end(), &type) != out.end())
            return;
        out.push_back(&type);
        for (int i = 0; i < type.field_count(); i++)
            if (const Descriptor *inner = type.field(i)->message_type())
                add(*inner, out);
    }

    static std::string type_name(const FieldDescriptor &field)
    {
        if (field.message_type())
            return field.message_type()->name();
        return field.enum_type() ? field.enum_type()->name() : field.type_name();
    }

    static const char *label(const FieldDescriptor &field)
    {
        return field.is_required() ? "required" : field.is_repeated() ? "repeated" : "optional";
    }

    void messages(std::ostream &out) const
    {
        for (const Descriptor *type : all()) {
            out << ".Ss " << type->name() << "\n.Bd -literal -compact\n";
            for (int i = 0; i < type->field_count(); i++) {
                const FieldDescriptor &field = *type->field(i);
                std::string line =
                    cat(field.number(), " ", label(field), " ", type_name(field), " ", field.name());
                if (field.has_default_value() && field.enum_type())
                    line += cat(" = ", field.default_value_enum()->name());
                out << line << '\n';
            }
            out << ".Ed\n";
        }
    }

    // The values of every enumeration that a field has.
    void enumerations(std::ostream &out) const
    {
        std::vector<const google::protobuf::EnumDescriptor *> done;
        out << ".Bl -tag -width Ds\n";
        for (const Descriptor *type : all())
            for (int i = 0; i < type->field_count(); i++) {
                const auto *values = type->field(i)->enum_type();
                if (!values || std::find(done.begin(), done.end(), values) != done.end())
                    continue;
                done.push_back(values);
                out << ".It " << values->name() << '\n';
                for (int v = 0; v < values->value_count(); v++)
                    out << values->value(v)->number() << " " << values->value(v)->name()
                        << (v + 1 < values->value_count() ? ",\n" : "\n");
            }
        out << ".El\n";
    }

    void own(std::ostream &out) const
    {
        out << ".Bl -tag -width Ds\n";
        for (const Descriptor *type : all())
            for (int i = 0; i < type->field_count(); i++)
                if (type->field(i)->number() >= kFirstOwn)
                    own_field(*type->field(i), out);
        out << ".El\n";
    }

    // A sentence begins a line in a manual page.
    static void put_line(std::string_view line, std::ostream &out)
    {
        for (size_t end; !line.empty(); line = trim(line.substr(end))) {
            end = std::min(line.find(". "), line.size() - 1) + 1;
            out << (line.front() == '.' || line.front() == '\'' ? "\\&" : "") << line.substr(0, end) << '\n';
        }
    }

    // What it means is the comment in the .proto file.
    static void own_field(const FieldDescriptor &field, std::ostream &out)
    {
        google::protobuf::SourceLocation where;
        field.GetSourceLocation(&where);
        out << ".It " << field.containing_type()->name() << ", " << field.number() << " Va " << field.name()
            << '\n';
        std::string_view rest =
            where.leading_comments.empty() ? where.trailing_comments : where.leading_comments;
        if (trim(rest).empty())
            throw std::runtime_error(cat(field.full_name(), " has no comment"));
        while (!rest.empty())
            if (std::string_view line = trim(take_until(rest, '\n')); !line.empty())
                put_line(line, out);
    }

    const google::protobuf::DescriptorPool &pool_;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3)
        return 1;
    std::ifstream page(argv[1]), descriptors(argv[2]);
    google::protobuf::FileDescriptorSet set;
    if (!page || !set.ParseFromIstream(&descriptors))
        return 1;
    google::protobuf::DescriptorPool pool;
    for (const auto &file : set.file())
        if (!pool.BuildFile(file))
            return 1;
    try {
        Page(pool).fill(page, std::cout);
    } catch (const std::exception &e) {
        std::cerr << "docs-images: " << e.what() << '\n';
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}
