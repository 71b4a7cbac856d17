#include "config/document.hpp"

#include <fmt/format.h>
#include <string.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <spanstream>
#include <unordered_map>

#include "config/plain_yaml.hpp"

namespace linewatch::config {

namespace {

constexpr std::size_t max_depth = 64;
// Values that aliases may add to those written. A real file repeats a few blocks; a bomb repeats by the
// power.
constexpr std::uint64_t max_expansion = 1'000'000;

// Stands behind the text as a comment. The parser (0.7) takes the end of the file for a missing closing
// quote, and so swallows the rest of the file without a word; the quoted text then ends with this.
constexpr std::string_view end_marker = "# end of file, said by the loader\n";

// Ends the parse: the problem has its place and its sentence.
struct Refused {
  YAML::Mark mark;
  std::string text;
};

bool swallowed_end(std::string_view value) {  // its line end was folded to a space
  constexpr std::string_view marker = end_marker.substr(0, end_marker.size() - 1);
  return value.ends_with(' ') && value.substr(0, value.size() - 1).ends_with(marker);
}

std::uint16_t narrow(int column) {
  return static_cast<std::uint16_t>(std::clamp(column, 0, int{std::numeric_limits<std::uint16_t>::max()}));
}

}  // namespace

// Receives the parser's events and appends entries. A key is kept back until its value arrives.
class Document::Builder : public YAML::EventHandler {
 public:
  Builder(Document& document, Problems& problems) : document_(document), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      throw Refused{mark, "a second document begins here (one file holds one, without ---)"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) throw Refused{mark, "a key is missing before ':' (quote it if null or ~ is meant)"};
    Entry entry = at(mark, YamlNode::Kind::null);
    if (key_) {  // the parser's mark of an empty value is that of whatever comes next
      entry.line = key_->line;
      entry.column = key_->column;
    }
    leaf(entry, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override {
    report_duplicate_keys(frames_.back().entry);
    close();
  }

 private:
  struct Key {
    std::uint32_t id, line;
    std::uint16_t column;
  };
  struct Frame {
    std::uint32_t entry, last = 0;  // last child
    YAML::anchor_t anchor;
    std::uint64_t weight = 1;  // values below and with it, aliases counted as often as they stand
    std::optional<Key> key;    // of the frame around, while this one is open
  };
  struct Anchored {
    std::uint32_t entry;
    std::uint64_t weight;
  };

  bool wants_key() const {
    return !frames_.empty() && document_.entries_[frames_.back().entry].kind == YamlNode::Kind::map && !key_;
  }
  Entry at(const YAML::Mark& mark, YamlNode::Kind kind) const {
    Entry entry;
    entry.kind = kind;
    entry.line = static_cast<std::uint32_t>(mark.line + 1);
    entry.column = narrow(mark.column + 1);
    return entry;
  }
  std::uint32_t intern(const std::string& text) {
    const auto [place, added] =
        key_ids_.try_emplace(text, static_cast<std::uint32_t>(document_.keys_.size()));
    if (added) document_.keys_.push_back(text);
    return place->second;
  }
  std::uint32_t append(Entry entry);
  void leaf(const Entry& entry, YAML::anchor_t anchor) {
    const std::uint32_t index = append(entry);
    if (!frames_.empty()) ++frames_.back().weight;
    if (anchor) anchors_[anchor] = {index, 1};
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind);
  void close();
  void report_duplicate_keys(std::uint32_t map);

  Document& document_;
  Problems& problems_;
  std::vector<Frame> frames_;
  std::optional<Key> key_;
  std::unordered_map<std::string, std::uint32_t> key_ids_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>>
      seen_;  // by key: the last map (+ 1) it stood in, and its entry
  std::uint64_t expansion_ = 0;
  int documents_ = 0;
};

std::uint32_t Document::Builder::append(Entry entry) {
  if (document_.entries_.size() >= std::numeric_limits<std::uint32_t>::max() / 2) {
    throw Refused{YAML::Mark(), "the file is too large"};
  }
  entry.next = 0;
  entry.key = 0;
  entry.key_line = 0;
  entry.key_column = 0;
  if (key_) {
    entry.key = key_->id;
    entry.key_line = key_->line;
    entry.key_column = key_->column;
    key_.reset();
  }
  const auto index = static_cast<std::uint32_t>(document_.entries_.size());
  document_.entries_.push_back(entry);
  if (!frames_.empty()) {
    Frame& frame = frames_.back();
    (frame.last ? document_.entries_[frame.last].next : document_.entries_[frame.entry].first) = index;
    frame.last = index;
  }
  return index;
}

void Document::Builder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                 const std::string& value) {
  // The parser's "?" is a plain scalar, "!" a quoted one. A tag's name is not repeated: it may be a bare
  // secret.
  if (tag != "?" && tag != "!" && tag != "" && tag != "tag:yaml.org,2002:str") {
    throw Refused{mark, "a tag stands here (quote a text that begins with '!')"};
  }
  if (tag != "?" && swallowed_end(value)) throw Refused{mark, "a quote is opened here and never closed"};
  if (wants_key()) {
    if (value == "<<" && tag == "?") {
      throw Refused{mark, "merge keys (<<) are not supported (write common values under 'defaults')"};
    }
    key_ = Key{intern(value), static_cast<std::uint32_t>(mark.line + 1), narrow(mark.column + 1)};
    return;
  }
  Entry entry = at(mark, YamlNode::Kind::scalar);
  entry.quoted = tag != "?" && !tag.empty();
  entry.text = static_cast<std::uint32_t>(document_.texts_.size());
  entry.text_size = static_cast<std::uint32_t>(value.size());
  document_.texts_ += value;
  leaf(entry, anchor);
}

void Document::Builder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) throw Refused{mark, "an alias stands inside what it names"};
  if (wants_key()) throw Refused{mark, "a key must be plain text, not an alias"};
  expansion_ += found->second.weight;
  if (expansion_ > max_expansion) {
    throw Refused{mark, fmt::format("aliases repeat more than {} values (write them out)", max_expansion)};
  }
  if (!frames_.empty()) frames_.back().weight += found->second.weight;
  Entry entry = document_.entries_[found->second.entry];  // the children are shared
  entry.line = static_cast<std::uint32_t>(mark.line + 1);
  entry.column = narrow(mark.column + 1);
  append(entry);
}

void Document::Builder::open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YamlNode::Kind kind) {
  if (tag != "?" && tag != "!" && tag != "") throw Refused{mark, "a tag stands here (none are used)"};
  if (wants_key()) throw Refused{mark, "a key must be plain text, not a list or a map"};
  if (frames_.size() >= max_depth) {
    throw Refused{mark, fmt::format("nested more than {} levels deep", max_depth)};
  }
  Frame frame{.entry = append(at(mark, kind)), .anchor = anchor};
  frames_.push_back(frame);
}

void Document::Builder::close() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  if (!frames_.empty()) frames_.back().weight += frame.weight;
  if (frame.anchor) anchors_[frame.anchor] = {frame.entry, frame.weight};
}

void Document::Builder::report_duplicate_keys(std::uint32_t map) {
  seen_.resize(document_.keys_.size());
  for (std::uint32_t i = document_.entries_[map].first; i != 0; i = document_.entries_[i].next) {
    const Entry& entry = document_.entries_[i];
    auto& [stood_in, first] = seen_[entry.key];
    if (stood_in != map + 1) {
      stood_in = map + 1;
      first = i;
      continue;
    }
    problems_.push_back(
        {.file = document_.file_,
         .line = static_cast<int>(entry.key_line),
         .column = entry.key_column,
         .text = fmt::format("duplicate key {} (first at line {})", in_quotes(document_.keys_[entry.key]),
                             document_.entries_[first].key_line)});
  }
}

void Document::forget() {
  explicit_bzero(texts_.data(), texts_.size());
  entries_.clear();
  keys_.clear();
  texts_.clear();
}

void Document::refuse(int line, int column, std::string what, Problems& problems) {
  readable_ = false;
  forget();
  entries_.emplace_back();
  problems.push_back({.file = file_, .line = line, .column = column, .text = std::move(what)});
}

Document::Document(std::string file, std::string_view text, Problems& problems) : file_(std::move(file)) {
  const auto lines = [](std::string_view of) { return static_cast<int>(std::ranges::count(of, '\n')); };
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    const std::string_view before = text.substr(0, nul);
    const auto column = static_cast<int>(nul - (before.rfind('\n') + 1)) + 1;
    refuse(lines(before) + 1, column, "a NUL octet: this is no text file (write YAML in UTF-8)", problems);
    return;
  }
  texts_.reserve(text.size());  // a growing one would leave its copies about, and secrets in them
  if (!parse_plain(text, problems)) {
    std::string ended;
    ended.reserve(text.size() + end_marker.size() + 1);
    ended.append(text).append("\n").append(end_marker);
    parse(ended, lines(text), problems);
    explicit_bzero(ended.data(), ended.size());
  }
  entries_.shrink_to_fit();
}

Document::Document(std::string name, const Fields& fields) : file_(std::move(name)) {
  entries_.emplace_back().kind = YamlNode::Kind::map;
  for (const auto& [key, value] : fields) {
    const auto index = static_cast<std::uint32_t>(entries_.size());
    (index == 1 ? entries_.front().first : entries_.back().next) = index;
    Entry entry{.key = static_cast<std::uint32_t>(keys_.size()), .kind = YamlNode::Kind::scalar};
    entry.text = static_cast<std::uint32_t>(texts_.size());
    entry.text_size = static_cast<std::uint32_t>(value.size());
    entries_.push_back(entry);
    keys_.push_back(key);
    texts_ += value;
  }
}

bool Document::parse_plain(std::string_view text, Problems& problems) {
  const std::size_t known = problems.size();
  try {
    Builder builder(*this, problems);
    if (read_plain_yaml(text, builder)) return true;
  } catch (const Refused&) {  // said by the parser's reading
  }
  problems.resize(known);
  forget();
  return false;
}

void Document::parse(const std::string& text, int lines, Problems& problems) {
  const auto fail = [&](const YAML::Mark& mark, std::string what) {
    const bool beyond = mark.line > lines;  // in what was put behind the text
    refuse(beyond ? lines + 1 : mark.line + 1, beyond ? 1 : mark.column + 1, std::move(what), problems);
  };
  try {
    std::ispanstream stream{std::span<const char>(text)};
    YAML::Parser parser(stream);
    Builder builder(*this, problems);
    while (parser.HandleNextDocument(builder)) {
    }
    if (entries_.empty()) entries_.emplace_back();
  } catch (const Refused& refused) {
    fail(refused.mark, refused.text);
  } catch (const YAML::Exception& error) {
    // Only the library's own fixed sentence: what follows it may quote the file, and so a secret.
    constexpr std::string_view unknown_anchor = "the referenced anchor is not defined";
    const bool anchor = error.msg.starts_with(unknown_anchor);
    const std::string what = anchor ? std::string(unknown_anchor) : error.msg.substr(0, error.msg.find(": "));
    fail(error.mark,
         fmt::format("not valid YAML: {} (look at the indentation and the quotes, here and above)", what));
  }
}

Document::~Document() {
  forget();
}

YamlNode Document::root() const {
  return {this, 0};
}

YamlNode::Kind YamlNode::kind() const {
  return document_->entries_[index_].kind;
}
std::string_view YamlNode::text() const {
  const auto& entry = document_->entries_[index_];
  return std::string_view(document_->texts_).substr(entry.text, entry.text_size);
}
bool YamlNode::quoted() const {
  return document_->entries_[index_].quoted;
}
const std::string& YamlNode::file() const {
  return document_->file_;
}
int YamlNode::line() const {
  return static_cast<int>(document_->entries_[index_].line);
}
int YamlNode::column() const {
  return document_->entries_[index_].column;
}
std::string_view YamlNode::key() const {
  return document_->keys_.empty() ? std::string_view() : document_->keys_[document_->entries_[index_].key];
}
int YamlNode::key_line() const {
  return static_cast<int>(document_->entries_[index_].key_line);
}
int YamlNode::key_column() const {
  return document_->entries_[index_].key_column;
}

YamlNode YamlNode::next() const {
  const std::uint32_t index = document_->entries_[index_].next;
  return index ? YamlNode(document_, index) : YamlNode();
}

YamlNode YamlNode::find(std::string_view key) const {
  if (!document_ || !is_map()) return {};
  for (const YamlNode child : *this) {
    if (child.key() == key) return child;
  }
  return {};
}

std::size_t YamlNode::size() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const YamlNode child : *this) ++count;
  return count;
}

YamlNode::Iterator YamlNode::begin() const {
  if (!document_) return {};
  const std::uint32_t first = document_->entries_[index_].first;
  return Iterator(first ? YamlNode(document_, first) : YamlNode());
}
YamlNode::Iterator YamlNode::end() const {
  return {};
}

}  // namespace linewatch::config
