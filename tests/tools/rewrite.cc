#include "tests/tools/rewrite.h"

#include "libcr/image/reader.h"
#include "libcr/image/writer.h"
#include "libcr/show/records.h"

#include <vector>

namespace cr::test
{

void rewrite(const show::Messages &messages, const image::Dir &dir, image::Kind kind, uint64_t id,
             const Edit &edit)
{
    std::vector<show::Record> records;
    {
        image::RecordReader reader(dir, kind, id);
        show::RecordWalker walker(messages, reader, kind);
        for (show::Record record; walker.next(record);)
            records.push_back(std::move(record));
    }
    image::Writer writer(dir, kind, id);
    for (show::Record &record : records) {
        edit(*record.message);
        writer.put(*record.message);
        uint64_t length = show::payload_length(kind, *record.message).value_or(record.payload.size());
        record.payload.resize(length);
        writer.put_raw(record.payload.data(), record.payload.size());
    }
    writer.finish();
}

std::string kind_name(image::Kind kind)
{
    std::string name = image::entry(kind).stem;
    if (name.ends_with('-'))
        name.pop_back();
    return name;
}

} // namespace cr::test
