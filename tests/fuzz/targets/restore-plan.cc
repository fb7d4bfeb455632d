// From images to the programs of a restore, without making anything. The images are those in the directory
// $FUZZ_IMAGES; an input is a list of edits of them: the number of a file, where in it (two bytes), how many bytes
// go, how many come, and these.
#include "libcr/image/dir.h"
#include "libcr/restore/restore.h"
#include "tests/fuzz/target.h"
#include "tests/unit/temp_dir.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <vector>

using namespace cr;

namespace
{

struct Image {
    std::string name, bytes;
};

// A copy of the images that inputs write to, and how they were.
struct Copy {
    test::TempDir dir;
    std::vector<Image> images;
    restore::RestoreRequest request;

    Copy()
    {
        const char *from = std::getenv("FUZZ_IMAGES");
        if (!from) {
            std::cerr << "FUZZ_IMAGES names no directory of images\n";
            std::exit(1);
        }
        for (const auto &entry : std::filesystem::directory_iterator(from))
            if (entry.path().extension() == ".img") {
                std::ifstream in(entry.path(), std::ios::binary);
                images.push_back({entry.path().filename(), {std::istreambuf_iterator<char>(in), {}}});
            }
        std::sort(images.begin(), images.end(), [](auto &a, auto &b) { return a.name < b.name; });
        for (const Image &image : images)
            dir.write(image.name, image.bytes);
        request.images_dir = dir.path();
        request.shell_job = true;
        restore::describe(request); // these can be restored
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Copy copy;
    std::map<size_t, std::string> changed;
    constexpr size_t kHead = 5;
    while (size >= kHead) {
        size_t file = data[0] % copy.images.size();
        std::string &bytes = changed.try_emplace(file, copy.images[file].bytes).first->second;
        size_t at = std::min<size_t>(data[1] | data[2] << 8, bytes.size()), less = data[3];
        size_t more = std::min<size_t>(data[4], size - kHead);
        bytes.replace(at, less, reinterpret_cast<const char *>(data) + kHead, more);
        data += kHead + more;
        size -= kHead + more;
    }
    for (const auto &[file, bytes] : changed)
        copy.dir.write(copy.images[file].name, bytes);
    fuzz::tolerate([&] { restore::describe(copy.request); });
    for (const auto &[file, bytes] : changed)
        copy.dir.write(copy.images[file].name, copy.images[file].bytes);
    return 0;
}
