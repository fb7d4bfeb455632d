#include "libcr/show/explore.h"

#include "fs.pb.h"
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/show/tree.h"

#include <algorithm>
#include <string>
#include <sys/mman.h>

namespace cr::show
{

using image::Kind;

namespace
{

std::string padded(std::string text, size_t width, bool right = false)
{
    size_t fill = text.size() < width ? width - text.size() : 0;
    return right ? std::string(fill, ' ') + text : text + std::string(fill, ' ');
}

std::string hex8(uint64_t value)
{
    std::string digits = hex(value);
    return digits.size() < 8 ? std::string(8 - digits.size(), '0') + digits : digits;
}

void show_ps(const image::Dir &dir, const Out &out)
{
    out("    PID   PGID    SID   COMM\n");
    for (const Task &t : read_tree(dir))
        out(cat(padded(cat(t.pid), 7, true), padded(cat(t.pgid), 7, true), padded(cat(t.sid), 7, true), "   ",
                t.indent(4), printable(t.name), t.zombie() ? " (zombie)" : "", "\n"));
}

void show_fds(const image::Dir &dir, const Out &out)
{
    FilesById files = read_files(dir);
    auto line = [&](const std::string &name, uint32_t id) {
        out(cat("\t", padded(name, 7, true), ": ", file_text(files, id), "\n"));
    };
    for (const Task &t : read_tree(dir)) {
        out(cat(t.pid, "\n"));
        if (t.files_id)
            for (const auto &fd : image::read_all<img::fdinfo_entry>(dir, Kind::Fdinfo, *t.files_id))
                line(cat(fd.fd()), fd.id());
        if (auto fs = image::read_optional<img::fs_entry>(dir, Kind::Fs, t.pid)) {
            line("cwd", fs->cwd_id());
            line("root", fs->root_id());
        }
    }
}

std::string prot_text(uint32_t prot)
{
    return {prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-', prot & PROT_EXEC ? 'x' : '-'};
}

void show_mems(const image::Dir &dir, const Out &out)
{
    FilesById files = read_files(dir);
    for (const Task &t : read_tree(dir)) {
        auto mm = image::read_optional<img::mm_entry>(dir, Kind::Mm, t.pid);
        if (!mm)
            continue;
        out(cat(t.pid, "\n\t", padded("exe", 36), "    ", file_text(files, mm->exe_file_id()), "\n"));
        for (const auto &vma : mm->vmas()) {
            std::string text = area_text(vma, files);
            out(cat("\t", padded(cat(hex8(vma.start()), "-", hex8(vma.end())), 36), prot_text(vma.prot()),
                    text.empty() || text[0] == ' ' ? "" : " ", text, "\n"));
        }
    }
}

// Runs that are stored, as text; nothing known of a directory with a parent but the flags.
std::string run_text(const image::PageRun &run)
{
    return cat(hex(run.start), " / ", run.nr_pages, run.present() ? "" : " ~");
}

// "00400000 / 16       /bin/true": where an area begins, its pages, what it is.
std::string rss_text(const img::vma_entry &vma, const FilesById &files)
{
    std::string name = area_name(vma, files);
    return cat(hex8(vma.start()), " / ", padded(cat((vma.end() - vma.start()) / kPageSize), 8),
               name.empty() ? "" : " ", name);
}

// An area that goes on from the run before is told as "~".
void show_rss(const image::Dir &dir, const Out &out)
{
    FilesById files = read_files(dir);
    for (const Task &t : read_tree(dir)) {
        auto mm = image::read_optional<img::mm_entry>(dir, Kind::Mm, t.pid);
        if (!mm || !dir.has(Kind::Pagemap, t.pid))
            continue;
        out(cat(t.pid, "\n"));
        auto vma = mm->vmas().begin(), told = mm->vmas().end();
        for (const auto &run : image::read_own_pagemap(dir, Kind::Pagemap, t.pid).runs) {
            std::string left = run_text(run);
            while (vma != mm->vmas().end() && vma->end() <= run.start)
                ++vma;
            for (auto v = vma; v != mm->vmas().end() && v->start() < run.end(); ++v) {
                out(cat("\t", padded(left, 24), v == told ? "~" : rss_text(*v, files), "\n"));
                left.clear();
                told = v;
            }
            out(cat("\t", padded(left, 23), "\n"));
        }
    }
}

struct View {
    std::string_view word;
    void (*show)(const image::Dir &, const Out &);
};
constexpr View kViews[] = {{"ps", show_ps}, {"fds", show_fds}, {"mems", show_mems}, {"rss", show_rss}};

} // namespace

bool is_view(std::string_view word)
{
    return std::any_of(std::begin(kViews), std::end(kViews), [&](const View &v) { return v.word == word; });
}

void explore(const image::Dir &dir, std::string_view what, const Out &out)
{
    for (const View &view : kViews)
        if (view.word == what)
            return view.show(dir, out);
    usage(cat("no view is called ", printable(what)), "there are ps, fds, mems and rss");
}

} // namespace cr::show
