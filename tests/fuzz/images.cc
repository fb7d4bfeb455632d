// images DIR... [ROUNDS [SEED]]: damages images and reads them. Each round takes one file out of the
// directories given, changes some bytes, cuts or repeats a piece, and looks at it in every way that cr-show
// has, at the whole directory too. An Error is a fine answer; anything else, a signal from a sanitizer among
// it, ends the run. The same seed makes the same damage.
#include "libcr/base/error.h"
#include "libcr/base/text.h"
#include "libcr/image/seal.h"
#include "libcr/show/explore.h"
#include "libcr/show/show.h"
#include "tests/unit/temp_dir.h"

#include <filesystem>
#include <iostream>
#include <random>
#include <vector>

using namespace cr;
namespace fs = std::filesystem;

namespace
{

using Random = std::mt19937;

size_t below(Random &random, size_t n) { return n ? random() % n : 0; }

void damage(std::string &bytes, Random &random)
{
    static constexpr unsigned char kTelling[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    size_t at = below(random, bytes.size()), length = 1 + below(random, 16);
    switch (random() % 6) {
    case 0:
        bytes.resize(at);
        break;
    case 1:
        bytes.insert(at, bytes.substr(below(random, bytes.size()), length));
        break;
    case 2:
        bytes.erase(at, length);
        break;
    case 3:
        for (; at < bytes.size() && length--; at++)
            bytes[at] = static_cast<char>(random());
        break;
    default:
        if (!bytes.empty())
            bytes[at] = static_cast<char>(kTelling[random() % sizeof kTelling]);
    }
}

template <class Look> void look(uint64_t &refused, Look run)
{
    try {
        run();
    } catch (const Error &) {
        refused++;
    }
}

void look_at_all(const show::Messages &messages, const std::string &directory, const std::string &file,
                 uint64_t &refused)
{
    auto ignore = [](std::string_view) {};
    for (show::Style style : {show::Style::Symbolic, show::Style::Plain, show::Style::Text})
        look(refused, [&] { show::show_file(messages, file, style, ignore); });
    image::Dir dir = image::Dir::open(directory);
    look(refused, [&] { image::open_complete(directory); });
    for (show::Style style : {show::Style::Plain, show::Style::Text})
        look(refused, [&] { show::overview(dir, style, ignore); });
    for (const char *view : {"ps", "fds", "mems", "rss"})
        look(refused, [&] { show::explore(dir, view, ignore); });
}

} // namespace

int main(int argc, char **argv)
{
    std::vector<std::string> files;
    test::TempDir temp;
    unsigned rounds = 1000, seed = 1, numbers = 0;
    for (int i = 1; i < argc; i++) {
        if (auto number = parse_int<unsigned>(argv[i])) {
            (numbers++ ? seed : rounds) = *number;
            continue;
        }
        std::string copy = temp.file(cat(i));
        fs::copy(argv[i], copy, fs::copy_options::recursive);
        for (const auto &file : image::Dir::open(copy).files())
            files.push_back(cat(i, "/", file.name));
    }
    if (files.empty())
        return 1;

    show::Messages messages;
    Random random(seed);
    uint64_t refused = 0;
    for (unsigned round = 0; round < rounds; round++) {
        const std::string &name = files[below(random, files.size())];
        std::string whole = temp.read(name), bytes = whole;
        for (size_t n = 1 + below(random, 4); n; n--)
            damage(bytes, random);
        temp.write(name, bytes);
        look_at_all(messages, temp.file(name.substr(0, name.find('/'))), temp.file(name), refused);
        temp.write(name, whole);
    }
    std::cout << rounds << " rounds, seed " << seed << ", " << refused << " refusals\n";
    return refused ? 0 : 1;
}
