// The overview: is it complete, who is in it, how much of what.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/image/seal.h"
#include "libcr/show/explore.h"
#include "libcr/show/tree.h"
#include "libcr/sys/file.h"

#include <algorithm>
#include <map>

namespace cr::show
{

using image::Kind;

namespace
{

std::string size_text(uint64_t bytes)
{
    static constexpr const char *kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t tenths = bytes * 10;
    for (; tenths >= 10240 && unit + 1 < std::size(kUnits); unit++)
        tenths = (tenths + 512) / 1024;
    bool whole = unit == 0 || tenths >= 1000 || tenths % 10 == 0;
    return whole ? cat((tenths + 5) / 10, " ", kUnits[unit])
                 : cat(tenths / 10, ".", tenths % 10, " ", kUnits[unit]);
}

std::string count_text(uint64_t n, const char *what) { return cat(n, " ", what, n == 1 ? "" : "s"); }

struct Row {
    std::vector<std::string> cells;
};

// Columns as wide as they must be; all but the last and the second to the right.
void print_table(const std::vector<Row> &rows, const Out &out)
{
    std::vector<size_t> widths(rows.at(0).cells.size());
    for (const Row &row : rows)
        for (size_t i = 0; i < row.cells.size(); i++)
            widths[i] = std::max(widths[i], row.cells[i].size());
    for (const Row &row : rows) {
        std::string line;
        for (size_t i = 0; i < row.cells.size(); i++) {
            const std::string &cell = row.cells[i];
            std::string fill(widths[i] - cell.size(), ' ');
            bool last = i + 1 == row.cells.size(), left = i == 1;
            line += cat("  ", left || last ? cell : fill + cell, left ? fill : "");
        }
        out(line + "\n");
    }
}

// A part of the directory that may be missing or damaged: the overview goes on without it.
template <class Read> std::string or_dash(std::vector<std::string> &trouble, Read read)
{
    try {
        return read();
    } catch (const Error &e) {
        trouble.emplace_back(e.what());
        return "-";
    }
}

std::string mapped_text(const image::Dir &dir, const Task &task)
{
    auto mm = image::read_optional<img::mm_entry>(dir, Kind::Mm, task.pid);
    if (!mm)
        return "-";
    uint64_t bytes = 0;
    for (const auto &vma : mm->vmas())
        bytes += vma.end() - vma.start();
    return size_text(bytes);
}

std::string stored_text(const image::Dir &dir, const Task &task)
{
    if (!dir.has(Kind::Pagemap, task.pid))
        return "-";
    uint64_t pages = 0;
    for (const auto &run : image::read_own_pagemap(dir, Kind::Pagemap, task.pid).runs)
        pages += run.present() ? run.nr_pages : 0;
    return size_text(pages * kPageSize);
}

std::string descriptors_text(const image::Dir &dir, const Task &task)
{
    if (!task.files_id || !dir.has(Kind::Fdinfo, *task.files_id))
        return "-";
    return cat(image::read_all<img::fdinfo_entry>(dir, Kind::Fdinfo, *task.files_id).size());
}

void print_tasks(const image::Dir &dir, const std::vector<Task> &tasks, std::vector<std::string> &trouble,
                 const Out &out)
{
    std::vector<Row> rows{{{"PID", "STATE", "THREADS", "MAPPED", "STORED", "FDS", "NAME"}}};
    for (const Task &t : tasks)
        rows.push_back({{cat(t.pid), state_text(t), cat(t.threads.size()),
                         or_dash(trouble, [&] { return mapped_text(dir, t); }),
                         or_dash(trouble, [&] { return stored_text(dir, t); }),
                         or_dash(trouble, [&] { return descriptors_text(dir, t); }),
                         cat(t.indent(2), printable(t.name))}});
    print_table(rows, out);
}

void print_sizes(const image::Dir &dir, const Out &out)
{
    struct Sum {
        uint64_t files = 0, bytes = 0;
    };
    std::map<Kind, Sum> sums;
    Sum all;
    for (const auto &file : dir.files()) {
        auto st = sys::stat_at(dir.fd(), file.name.c_str());
        uint64_t bytes = st ? static_cast<uint64_t>(st->st_size) : 0;
        for (Sum *sum : {&sums[file.kind], &all}) {
            sum->files++;
            sum->bytes += bytes;
        }
    }
    out(cat("\nsize  ", size_text(all.bytes), " in ", count_text(all.files, "file"), "\n"));
    std::vector<Row> rows{{{"FILES", "IMAGE", "BYTES"}}};
    for (const auto &[kind, sum] : sums) {
        std::string name = image::entry(kind).stem;
        rows.push_back({{cat(sum.files), name.ends_with('-') ? name + "*" : name, cat(sum.bytes)}});
    }
    print_table(rows, out);
}

} // namespace

void overview(const image::Dir &dir, const Out &out)
{
    std::vector<std::string> trouble;
    std::vector<Task> tasks;
    or_dash(trouble, [&] {
        tasks = read_tree(dir);
        return std::string();
    });
    uint64_t threads = 0;
    for (const Task &t : tasks)
        threads += t.threads.size();
    std::string reason = or_dash(trouble, [&] { return image::incomplete_because(dir); });
    out(cat(printable(dir.path()), ": ",
            reason.empty()  ? "a complete checkpoint"
            : reason == "-" ? "not readable"
                            : cat("not a checkpoint: ", reason),
            "\n"));
    if (!tasks.empty()) {
        out(cat("\ntree  ", count_text(tasks.size(), "task"), ", ", count_text(threads, "thread"), "\n"));
        print_tasks(dir, tasks, trouble, out);
    }
    print_sizes(dir, out);
    for (const std::string &line : trouble)
        out(cat("\nnot readable: ", line, "\n"));
}

} // namespace cr::show
