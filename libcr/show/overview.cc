// The overview: is it complete, who is in it, how much of what.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/reader.h"
#include "libcr/image/seal.h"
#include "libcr/show/explore.h"
#include "libcr/show/tree.h"
#include "libcr/show/value.h"
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

// What a directory says as a whole. What is missing in it or cannot be read is left out.
struct TaskSum {
    Task task;
    std::optional<uint64_t> mapped, stored, descriptors; // bytes, bytes, count
};

struct KindSum {
    std::string name; // of the images, with * for an id
    uint64_t files = 0, bytes = 0;
};

struct Summary {
    std::string path;
    std::optional<std::string> incomplete; // why it is, empty when it is not; nothing: not readable
    std::vector<TaskSum> tasks;
    uint64_t threads = 0;
    std::vector<KindSum> kinds;
    KindSum all;
    std::vector<std::string> trouble;
};

// A part of the directory that may be missing or damaged: the overview goes on without it.
template <class Read> auto try_to(Summary &summary, Read read) -> std::optional<decltype(read())>
{
    try {
        return read();
    } catch (const Error &e) {
        summary.trouble.emplace_back(e.what());
        return std::nullopt;
    }
}

std::optional<uint64_t> mapped_bytes(const image::Dir &dir, const Task &task)
{
    auto mm = image::read_optional<img::mm_entry>(dir, Kind::Mm, task.pid);
    if (!mm)
        return std::nullopt;
    uint64_t bytes = 0;
    for (const auto &vma : mm->vmas())
        bytes += vma.end() - vma.start();
    return bytes;
}

std::optional<uint64_t> stored_bytes(const image::Dir &dir, const Task &task)
{
    if (!dir.has(Kind::Pagemap, task.pid))
        return std::nullopt;
    uint64_t pages = 0;
    for (const auto &run : image::read_own_pagemap(dir, Kind::Pagemap, task.pid).runs)
        pages += run.present() ? run.nr_pages : 0;
    return pages * kPageSize;
}

std::optional<uint64_t> descriptor_count(const image::Dir &dir, const Task &task)
{
    if (!task.files_id || !dir.has(Kind::Fdinfo, *task.files_id))
        return std::nullopt;
    return image::read_all<img::fdinfo_entry>(dir, Kind::Fdinfo, *task.files_id).size();
}

void sum_up_tasks(const image::Dir &dir, Summary &summary)
{
    for (Task &task : try_to(summary, [&] { return read_tree(dir); }).value_or(std::vector<Task>())) {
        auto number = [&](auto read) {
            return try_to(summary, [&] { return read(dir, task); }).value_or(std::nullopt);
        };
        TaskSum sum{{}, number(mapped_bytes), number(stored_bytes), number(descriptor_count)};
        summary.threads += task.threads.size();
        sum.task = std::move(task);
        summary.tasks.push_back(std::move(sum));
    }
}

void sum_up_sizes(const image::Dir &dir, Summary &summary)
{
    std::map<Kind, KindSum> kinds;
    for (const auto &file : dir.files()) {
        auto st = sys::stat_at(dir.fd(), file.name.c_str());
        for (KindSum *sum : {&kinds[file.kind], &summary.all}) {
            sum->files++;
            sum->bytes += st ? static_cast<uint64_t>(st->st_size) : 0;
        }
    }
    for (auto &[kind, sum] : kinds) {
        sum.name = image::entry(kind).stem;
        sum.name += sum.name.ends_with('-') ? "*" : "";
        summary.kinds.push_back(std::move(sum));
    }
}

Summary sum_up(const image::Dir &dir)
{
    Summary summary;
    summary.path = dir.path();
    sum_up_tasks(dir, summary);
    summary.incomplete = try_to(summary, [&] { return image::incomplete_because(dir); });
    sum_up_sizes(dir, summary);
    return summary;
}

std::string or_dash(std::optional<uint64_t> number, std::string (*text)(uint64_t))
{
    return number ? text(*number) : "-";
}

void print_tasks(const Summary &summary, const Out &out)
{
    std::vector<Row> rows{{{"PID", "STATE", "THREADS", "MAPPED", "STORED", "FDS", "NAME"}}};
    for (const auto &[t, mapped, stored, descriptors] : summary.tasks)
        rows.push_back({{cat(t.pid), state_text(t), cat(t.threads.size()), or_dash(mapped, size_text),
                         or_dash(stored, size_text), or_dash(descriptors, [](uint64_t n) { return cat(n); }),
                         cat(t.indent(2), printable(t.name))}});
    print_table(rows, out);
}

void print(const Summary &summary, const Out &out)
{
    const auto &why = summary.incomplete;
    out(cat(printable(summary.path), ": ",
            !why           ? "not readable"
            : why->empty() ? "a complete checkpoint"
                           : cat("not a checkpoint: ", *why),
            "\n"));
    if (!summary.tasks.empty()) {
        out(cat("\ntree  ", count_text(summary.tasks.size(), "task"), ", ",
                count_text(summary.threads, "thread"), "\n"));
        print_tasks(summary, out);
    }
    out(cat("\nsize  ", size_text(summary.all.bytes), " in ", count_text(summary.all.files, "file"), "\n"));
    std::vector<Row> rows{{{"FILES", "IMAGE", "BYTES"}}};
    for (const KindSum &kind : summary.kinds)
        rows.push_back({{cat(kind.files), kind.name, cat(kind.bytes)}});
    print_table(rows, out);
    for (const std::string &line : summary.trouble)
        out(cat("\nnot readable: ", line, "\n"));
}

Value number_value(uint64_t number) { return Value::literal(cat(number)); }

Value task_value(const TaskSum &sum)
{
    const Task &task = sum.task;
    Value out, threads = Value::array();
    out.add("pid", number_value(task.pid));
    out.add("ppid", number_value(task.ppid));
    out.add("pgid", number_value(task.pgid));
    out.add("sid", number_value(task.sid));
    out.add("name", Value::string(task.name));
    out.add("state", Value::string(task.zombie() ? "zombie" : state_text(task)));
    if (task.zombie())
        out.add("wait_status", number_value(task.exit_code));
    for (uint32_t tid : task.threads)
        threads.add(number_value(tid));
    out.add("threads", std::move(threads));
    auto add = [&](const char *name, std::optional<uint64_t> number) {
        if (number)
            out.add(name, number_value(*number));
    };
    add("mapped", sum.mapped);
    add("stored", sum.stored);
    add("fds", sum.descriptors);
    return out;
}

Value to_value(const Summary &summary)
{
    Value out, tasks = Value::array(), images = Value::array(), trouble = Value::array();
    out.add("directory", Value::string(summary.path));
    out.add("complete", Value::literal(summary.incomplete == "" ? "true" : "false"));
    if (summary.incomplete && !summary.incomplete->empty())
        out.add("reason", Value::string(*summary.incomplete));
    for (const TaskSum &task : summary.tasks)
        tasks.add(task_value(task));
    out.add("tasks", std::move(tasks));
    out.add("files", number_value(summary.all.files));
    out.add("bytes", number_value(summary.all.bytes));
    for (const KindSum &kind : summary.kinds) {
        Value image;
        image.add("image", Value::string(kind.name));
        image.add("files", number_value(kind.files));
        image.add("bytes", number_value(kind.bytes));
        images.add(std::move(image));
    }
    out.add("images", std::move(images));
    for (const std::string &line : summary.trouble)
        trouble.add(Value::string(line));
    out.add("not_readable", std::move(trouble));
    return out;
}

} // namespace

bool overview(const image::Dir &dir, Style style, const Out &out)
{
    Summary summary = sum_up(dir);
    if (style == Style::Text) {
        print(summary, out);
    } else {
        std::string text;
        print_json(to_value(summary), style == Style::Plain ? -1 : 0, text);
        out(text + "\n");
    }
    return summary.all.files && summary.trouble.empty();
}

} // namespace cr::show
