#include "nodes/text/text_tokens.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/text/chunks.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kListedWords = 48;

// The first words of a list, and how many more there are.
std::string Listed(const std::vector<std::string>& words) {
  const size_t shown = std::min(words.size(), kListedWords);
  std::string list = absl::StrJoin(words.begin(), words.begin() + shown, ", ");
  if (shown < words.size()) absl::StrAppend(&list, " and ", words.size() - shown, " more");
  return list;
}

void Notify(const NodeContext& ctx, const Tokenizer& tokenizer, const Tokenizer::Encoded& encoded,
            const std::vector<size_t>& ends) {
  if (ends.size() > 1) {
    ctx.Notice(absl::StrCat("prompt has ", encoded.ids.size(), " tokens: encoded as ", ends.size(),
                            " chunks of ", tokenizer.max_length()));
  } else if (ends.back() < encoded.ids.size()) {
    const absl::Span<const int32_t> cut = absl::MakeConstSpan(encoded.ids).subspan(ends.back());
    ctx.Notice(absl::StrCat("prompt has ", encoded.ids.size(), " tokens, of which ", ends.back(),
                            " fit: cut off ", Quoted(tokenizer.Decode(cut))));
  }
  NotifyOfWords(ctx, tokenizer, encoded);
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> TokenizeText(const NodeContext& ctx,
                                                  const Tokenizer& tokenizer,
                                                  const std::string& text, bool truncate) {
  WEFT_ASSIGN_OR_RETURN(const Tokenizer::Encoded encoded, tokenizer.Encode(text));
  const auto capacity = static_cast<size_t>(tokenizer.max_length() - 2);  // begin and end
  const std::vector<size_t> ends = truncate ? std::vector{std::min(encoded.ids.size(), capacity)}
                                            : CutBetweenWords(encoded.word_ends, capacity);
  if (!ctx.dry_run()) Notify(ctx, tokenizer, encoded, ends);
  return LayOutChunks(tokenizer, encoded.ids, ends);
}

void NotifyOfWords(const NodeContext& ctx, const Tokenizer& tokenizer,
                   const Tokenizer::Encoded& encoded) {
  const auto unknown = tokenizer.UnknownWords(encoded);
  if (unknown.empty()) return;
  ctx.Notice(absl::StrCat("the model does not know: ", Listed(unknown),
                          "; it was trained on: ", Listed(tokenizer.known_words())));
}

absl::StatusOr<Tensor> TokenTensor(const NodeContext& ctx, const std::vector<int32_t>& rows,
                                   int64_t count) {
  const auto length = static_cast<int64_t>(rows.size()) / count;
  WEFT_ASSIGN_OR_RETURN(Tensor tokens,
                        Tensor::Allocate(ctx.allocator(), DType::kI32, Shape{count, length}));
  if (!tokens.is_meta()) std::copy(rows.begin(), rows.end(), tokens.mutable_data<int32_t>());
  return tokens;
}

}  // namespace weft
