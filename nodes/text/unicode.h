#ifndef WEFT_NODES_TEXT_UNICODE_H_
#define WEFT_NODES_TEXT_UNICODE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// What text becomes before it is cut into words: composed (NFC), each run of white space one
// space, lower case letter by letter. Linear in the length of the text, bar a sort of the
// combining marks on one letter. Equal to what tokenizers 0.23 does, whose tables are of different
// Unicode versions: NFC of 9.0, letters and digits of 16.0, lower case of 17.0; where utf8proc's
// tables are older or newer, unicode.cc makes up the difference.
std::string NormalizeText(absl::string_view utf8);

// An error that names the first byte that is not UTF-8. All functions here and all that follow
// take text that has passed.
absl::Status CheckUtf8(absl::string_view text);

// The code point that begins at `*offset`, which moves behind it.
char32_t NextCodePoint(absl::string_view utf8, size_t* offset);
void AppendUtf8(char32_t code_point, std::string* utf8);

bool IsSpace(char32_t c);     // White_Space
bool IsLetter(char32_t c);    // \p{L}
bool IsNumber(char32_t c);    // \p{N}
bool IsWordPart(char32_t c);  // \w: letters, marks, digits, connectors, joiners

}  // namespace weft

#endif  // WEFT_NODES_TEXT_UNICODE_H_
