// The session stream: what a stage reads from the one before it.
#include "libcr/session/wire.h"
#include "tests/fuzz/target.h"

using namespace cr;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fd file = fuzz::file_of(fuzz::text_of(data, size));
    fuzz::tolerate([&] {
        session::RecordStream stream(file.get());
        img::session_record record;
        std::string raw;
        while (stream.next(record, &raw)) {
        }
    });
    return 0;
}
