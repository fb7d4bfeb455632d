#include "libcr/files/path_map.h"

#include <string_view>

namespace cr::files
{

namespace
{

std::string_view without_end(std::string_view name)
{
    while (name.ends_with('/'))
        name.remove_suffix(1);
    return name;
}

void change(std::string &name, const PathMap &map)
{
    if (name.starts_with('/'))
        name = mapped_name(name, map);
}

// Of a file that is elsewhere the handle leads to the old one, which may still be there.
void change(img::fh_entry &handle, const PathMap &map)
{
    if (!handle.has_path())
        return;
    std::string old = handle.path().starts_with('/') ? handle.path() : "/" + handle.path();
    std::string here = mapped_name(old, map);
    if (here == old)
        return;
    handle.set_path(here);
    handle.set_bytes(0);
}

} // namespace

std::string mapped_name(const std::string &name, const PathMap &map)
{
    const std::pair<std::string, std::string> *best = nullptr;
    for (const auto &pair : map) {
        std::string_view old = without_end(pair.first);
        bool fits = name.starts_with(old) && (name.size() == old.size() || name[old.size()] == '/');
        if (fits && (!best || old.size() > without_end(best->first).size()))
            best = &pair;
    }
    if (!best)
        return name;
    std::string out(without_end(best->second));
    std::string_view rest = std::string_view(name).substr(without_end(best->first).size());
    out += rest == "/" ? "" : rest;
    return out.empty() ? "/" : out;
}

void map_names(img::file_entry &entry, const PathMap &map)
{
    if (map.empty())
        return;
    if (entry.has_usk()) {
        change(*entry.mutable_usk()->mutable_name(), map);
        if (entry.usk().has_name_dir())
            change(*entry.mutable_usk()->mutable_name_dir(), map);
    }
    if (entry.has_ify())
        for (img::inotify_wd_entry &watch : *entry.mutable_ify()->mutable_wd())
            change(*watch.mutable_f_handle(), map);
    if (entry.has_ffy())
        for (img::fanotify_mark_entry &mark : *entry.mutable_ffy()->mutable_mark()) {
            if (mark.has_ie())
                change(*mark.mutable_ie()->mutable_f_handle(), map);
            if (mark.has_me() && mark.me().has_path())
                change(*mark.mutable_me()->mutable_path(), map);
        }
    if (entry.has_bpf())
        for (std::string &pin : *entry.mutable_bpf()->mutable_cr_pins())
            change(pin, map);
}

} // namespace cr::files
