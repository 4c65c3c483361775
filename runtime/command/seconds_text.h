#ifndef WEFT_RUNTIME_COMMAND_SECONDS_TEXT_H_
#define WEFT_RUNTIME_COMMAND_SECONDS_TEXT_H_

#include <string>

namespace weft {

// "0.4 s", "12 s", "3 min 20 s".
std::string SecondsText(double seconds);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_SECONDS_TEXT_H_
