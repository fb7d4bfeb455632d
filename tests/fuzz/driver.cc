// TARGET FILE|DIR... [ROUNDS]: gives every stored input to the target, then ROUNDS damaged ones, the same in every
// run. Without clang's coverage it finds little; it keeps what was found once from coming back.
#include "libcr/base/text.h"
#include "target.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace
{

void read_inputs(const fs::path &path, std::vector<std::string> &out)
{
    if (fs::is_directory(path)) {
        for (const auto &entry : fs::directory_iterator(path))
            read_inputs(entry.path(), out);
        return;
    }
    std::ifstream in(path, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

void run(const std::string &bytes)
{
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
}

std::string damaged(std::string bytes, const std::vector<std::string> &inputs, std::mt19937 &random)
{
    auto below = [&](size_t n) { return n ? random() % n : 0; };
    for (size_t n = 1 + below(4); n; n--) {
        size_t at = below(bytes.size()), length = 1 + below(16);
        const std::string &other = inputs[below(inputs.size())];
        switch (random() % 5) {
        case 0:
            bytes.resize(at);
            break;
        case 1:
            bytes.insert(at, other.substr(below(other.size()), length));
            break;
        case 2:
            bytes.erase(at, length);
            break;
        default:
            for (; at < bytes.size() && length--; at++)
                bytes[at] = static_cast<char>(random());
        }
    }
    return bytes;
}

} // namespace

int main(int argc, char **argv)
{
    std::vector<std::string> inputs;
    unsigned rounds = 0;
    for (int i = 1; i < argc; i++)
        if (auto number = cr::parse_int<unsigned>(argv[i]))
            rounds = *number;
        else
            read_inputs(argv[i], inputs);
    if (inputs.empty())
        return 1;
    for (const std::string &bytes : inputs)
        run(bytes);
    std::mt19937 random(1);
    for (unsigned round = 0; round < rounds; round++)
        run(damaged(inputs[random() % inputs.size()], inputs, random));
    std::cout << inputs.size() << " stored inputs, " << rounds << " damaged ones\n";
}
