// Plans for tests, with pages of their own.
#pragma once

#include "libcr/mm/plan.h"
#include "unit/temp_dir.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <unistd.h>

namespace cr::test
{

class Plans
{
  public:
    // The first bytes of pages, by address; the rest is zeros.
    mm::TaskPlan with_contents(const img::mm_entry &mm, const std::map<uint64_t, std::string> &pages)
    {
        image::Pagemap pagemap{next_, {{0, next_}}, {}};
        next_++;
        Fd fd = dir_.create_file(image::Kind::Pages, pagemap.pages_id);
        uint64_t offset = 0;
        for (auto [at, page] : pages) {
            page.resize(kPageSize);
            REQUIRE(::write(fd.get(), page.data(), page.size()) == static_cast<ssize_t>(page.size()));
            if (!pagemap.runs.empty() && pagemap.runs.back().end() == at)
                pagemap.runs.back().nr_pages++;
            else
                pagemap.runs.push_back({at, 1, image::kPagePresent, offset});
            offset += kPageSize;
        }
        return mm::TaskPlan(dir_, 42, mm, std::move(pagemap));
    }
    // Pages that are filled with one byte each.
    mm::TaskPlan operator()(const img::mm_entry &mm, const std::map<uint64_t, int> &pages)
    {
        std::map<uint64_t, std::string> contents;
        for (auto [at, byte] : pages)
            contents[at] = std::string(kPageSize, static_cast<char>(byte));
        return with_contents(mm, contents);
    }

  private:
    TempDir temp_;
    image::Dir dir_ = image::Dir::open(temp_.path());
    uint32_t next_ = 7;
};

} // namespace cr::test
